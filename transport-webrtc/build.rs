//! Says whether H264 is built with its assembly, which needs `nasm` on x86.

use std::env;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(h264_assembly)");
    for variable in ["NASM", "NASMENV", "OPENH264_NO_ASM", "PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let switched_off = env::var_os("OPENH264_NO_ASM").is_some();
    let accelerated = match arch.as_str() {
        "x86" | "x86_64" => !switched_off && nasm_runs(),
        // Assembled by the C compiler itself.
        "arm" | "aarch64" => true,
        _ => false,
    };
    if accelerated {
        println!("cargo::rustc-cfg=h264_assembly");
        if arch == "x86_64" && !asks_for_avx2() {
            println!(
                "cargo::warning=H264 is built without AVX2: it takes about an eighth more. Set NASMENV=-DHAVE_AVX2 and CXXFLAGS=-DHAVE_AVX2 (as .cargo/config.toml of RemoteMedia does), then run `cargo clean -p openh264-sys2` and build again"
            );
        }
    } else if switched_off {
        println!(
            "cargo::warning=H264 is built without its assembly (OPENH264_NO_ASM is set): it takes 2.4 to 2.8 times as long"
        );
    } else {
        println!(
            "cargo::warning=H264 is built without its assembly on {arch}: it takes 2.4 to 2.8 times as long. On x86 install nasm, then run `cargo clean -p openh264-sys2` and build again"
        );
    }
}

fn nasm_runs() -> bool {
    let nasm = env::var_os("NASM").unwrap_or_else(|| "nasm".into());
    let ran = Command::new(nasm).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// Whether OpenH264's assembly has its AVX2 part; the C++ part has a variable of its own, named after the target.
fn asks_for_avx2() -> bool {
    env::var("NASMENV").is_ok_and(|flags| flags.contains("HAVE_AVX2"))
}
