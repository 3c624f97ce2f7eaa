//! What a frame costs: to lend, freeze and return it, to write it, to hand it to another reader.
//!
//! `cargo bench -p remotemedia-benches --bench frame_pool`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use remotemedia_runtime_core::shm::{
    FramePool, FrameSubscriber, HeapPool, PoolConfig, PoolKind, SharedFrame, open_pool,
};

/// 10 ms of stereo sound at 48 kHz; a 720p picture in I420.
const SIZES: [(&str, usize); 2] = [("sound", 3_840), ("picture", 1_382_400)];

const SESSION: &str = "bench";

fn pools() -> [(&'static str, Arc<dyn FramePool>); 2] {
    let shared = open_pool(PoolKind::SharedMemory, SESSION, &PoolConfig::default());
    [("heap", Arc::new(HeapPool::default())), ("shared_memory", shared.expect("64 MiB of shared memory"))]
}

fn loaned(pool: &dyn FramePool, len: usize) -> SharedFrame {
    pool.loan(len).expect("room").freeze()
}

fn written(pool: &dyn FramePool, len: usize) -> SharedFrame {
    let mut loan = pool.loan(len).expect("room");
    loan.bytes_mut().fill(1);
    loan.freeze()
}

/// Loan, freeze, drop; `vec` is what the pools save: a fresh allocation and its reference count.
fn bench_loan(c: &mut Criterion) {
    let pools = pools();
    for (size, len) in SIZES {
        let mut group = c.benchmark_group(format!("loan/{size}"));
        for (name, pool) in &pools {
            group.bench_function(*name, |b| b.iter(|| black_box(loaned(&**pool, len))));
        }
        group.bench_function("vec", |b| b.iter(|| black_box(Arc::new(vec![0_u8; black_box(len)]))));
        group.finish();
    }
}

/// As above, with every byte written: memory that is lent again is mapped and warm.
fn bench_write(c: &mut Criterion) {
    let pools = pools();
    for (size, len) in SIZES {
        let mut group = c.benchmark_group(format!("write/{size}"));
        group.throughput(Throughput::Bytes(len as u64));
        for (name, pool) in &pools {
            group.bench_function(*name, |b| b.iter(|| black_box(written(&**pool, len))));
        }
        group.bench_function("vec", |b| b.iter(|| black_box(Arc::new(vec![1_u8; black_box(len)]))));
        group.finish();
    }
}

/// One more holder of a frame, and its end.
fn bench_clone(c: &mut Criterion) {
    let mut group = c.benchmark_group("clone");
    for (name, pool) in &pools() {
        let frame = loaned(&**pool, SIZES[1].1);
        group.bench_function(*name, |b| b.iter(|| black_box(frame.clone())));
    }
    group.finish();
}

/// Loan, freeze, publish with wake-up, receive, drop: what another process adds, but for its own wake.
fn bench_publish(c: &mut Criterion) {
    let [_, (_, pool)] = pools();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut reader = FrameSubscriber::open(SESSION, None).expect("the pool above");
    let mut group = c.benchmark_group("publish_and_receive");
    for (size, len) in SIZES {
        group.bench_function(size, |b| {
            b.iter(|| {
                let frame = loaned(&*pool, len);
                frame.publish(0).expect("a frame of the pool");
                black_box(reader.try_recv().expect("a working layer").expect("just published"))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench_loan, bench_write, bench_clone, bench_publish);
criterion_main!(benches);
