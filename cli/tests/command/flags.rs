//! Flags that are missing, misspelt or out of range: bad input, named with what was expected.

use crate::program::run;

#[test]
fn a_flag_that_cannot_be_used_is_named_with_what_was_expected() {
    for (arguments, words) in [
        (&[][..], &["Usage"][..]),
        (&["dmeo"], &["'dmeo'", "'demo'"]),
        (&["demo", "--sconds", "3"], &["'--sconds'", "'--seconds'"]),
        (&["demo", "--seconds", "0"], &["'0'", "--seconds", "expected 1 to 86400 seconds"]),
        (&["demo", "--seconds", "-1"], &["'-1'", "expected 1 to 86400 seconds"]),
        (&["demo", "--seconds", "nan"], &["'nan'", "expected 1 to 86400 seconds"]),
        (&["demo", "--seconds", "soon"], &["\"soon\" is no number of seconds"]),
        (&["join", "ws://127.0.0.1:9/ws"], &["--session"]),
        (&["join", "ws://127.0.0.1:9/ws", "--session", "s", "--seconds", "-1"], &["'-1'", "expected 1 to"]),
        (&["join", "--session", "s"], &["<URL>"]),
        (
            &["join", "ws://127.0.0.1:9/ws", "--session", "s", "--output", "back.wav"],
            &["'back.wav'", "expected a path that ends in .y4m"],
        ),
        (&["serve"], &["<MANIFEST>"]),
        (&["demo", "-"], &["standard input can be read once only", "write it into a file"]),
        (&["demo", "--input", "/dev/stdin"], &["/dev/stdin can be read once only", "write it into a file"]),
        (&["signal", "--sessions", "many"], &["'many'", "--sessions", "expected a whole number"]),
        (&["signal", "--sessions", "-1"], &["'-1'", "--sessions", "expected a whole number"]),
        (&["signal", "--listen", "localhost:8080"], &["'localhost:8080'", "such as 127.0.0.1:8080"]),
        (&["validate"], &["<FILE>"]),
        (&["nodes", "VideoBlr"], &["\"VideoBlr\" is unknown", "did you mean \"VideoBlur\"?"]),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        for word in words {
            assert!(ended.error.contains(word), "{arguments:?}: {word:?} is not in {ended:?}");
        }
        assert_eq!(ended.out, "", "{arguments:?}");
    }
}
