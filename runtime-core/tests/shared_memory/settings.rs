//! Folders, names and kinds.

use std::fs::{DirBuilder, Permissions, set_permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::PathBuf;

use remotemedia_runtime_core::shm::{
    OpenPoolError, PoolConfig, PoolKind, SharedMemoryError, SharedMemoryPool, open_pool,
};

use crate::maps::mapping_of;
use crate::{Folder, SESSION, SOUND, config, frame, open};

#[test]
fn a_session_has_one_pool_and_sessions_share_nothing() {
    let folder = Folder::new();
    let first = open(&folder);
    let again = SharedMemoryPool::open(SESSION, &config(folder.path())).expect_err("open already");
    assert!(matches!(again, SharedMemoryError::AlreadyOpen { .. }), "{again:?}");
    let second = SharedMemoryPool::open("another", &config(folder.path())).expect("another session");
    let inode = |pool| mapping_of(frame(pool, SOUND, 1).bytes().as_ptr()).inode;
    assert_ne!(inode(&first), inode(&second));
    drop(first);
    assert!(SharedMemoryPool::open(SESSION, &config(folder.path())).is_ok(), "closed, and open again");
}

#[test]
fn a_session_id_of_64_characters_is_taken_and_others_refused_by_value() {
    let folder = Folder::new();
    let open = |id: &str| SharedMemoryPool::open(id, &config(folder.path())).map(drop);
    assert!(open(&"a".repeat(64)).is_ok());
    for id in ["", " ", "é", "a\n", &"a".repeat(65)] {
        let refused = open(id).expect_err("not a name");
        assert!(
            matches!(&refused, SharedMemoryError::SessionId { session_id } if session_id == id),
            "{refused}"
        );
    }
}

#[test]
fn a_folder_that_others_may_enter_is_refused() {
    let folder = Folder::new();
    DirBuilder::new().mode(0o700).create(folder.path()).expect("made");
    for (mode, fits) in [(0o700, true), (0o710, false), (0o701, false), (0o755, false)] {
        set_permissions(folder.path(), Permissions::from_mode(mode)).expect("ours");
        let opened = SharedMemoryPool::open(SESSION, &config(folder.path()));
        assert_eq!(opened.is_ok(), fits, "mode {mode:o}: {opened:?}");
    }
}

#[test]
fn a_link_or_a_file_in_place_of_the_folder_is_refused() {
    let (real, link) = (Folder::new(), Folder::new());
    drop(open(&real));
    symlink(real.path(), link.path()).expect("linked");
    let refused = SharedMemoryPool::open(SESSION, &config(link.path())).expect_err("a link");
    assert!(matches!(refused, SharedMemoryError::FolderNotOurs { .. }), "{refused:?}");
    std::fs::remove_file(link.path()).expect("ours");
    std::fs::write(link.path(), "a file").expect("written");
    let refused = SharedMemoryPool::open(SESSION, &config(link.path())).expect_err("a file");
    assert!(matches!(refused, SharedMemoryError::FolderNotOurs { .. }), "{refused:?}");
    std::fs::remove_file(link.path()).expect("ours");
}

#[test]
fn a_folder_of_40_bytes_is_taken_and_one_of_41_refused() {
    let folder = Folder::new();
    let padded = |len: usize| {
        let path = folder.path().to_str().expect("ASCII");
        PathBuf::from(format!("{path}{}", "x".repeat(len - path.len())))
    };
    assert!(SharedMemoryPool::open(SESSION, &config(&padded(40))).is_ok());
    let refused = SharedMemoryPool::open(SESSION, &config(&padded(41))).expect_err("one byte too long");
    assert!(matches!(refused, SharedMemoryError::FolderTooLong { len: 41, limit: 40, .. }), "{refused:?}");
    for len in [40, 41] {
        std::fs::remove_dir_all(padded(len)).expect("made");
    }
}

#[test]
fn a_pool_is_opened_by_its_kind() {
    let folder = Folder::new();
    let config = PoolConfig { shared_memory: config(folder.path()), ..PoolConfig::default() };
    let heap = open_pool(PoolKind::Heap, SESSION, &config).expect("always");
    assert!(!mapping_of(frame(&*heap, SOUND, 1).bytes().as_ptr()).path.starts_with("/dev/shm"));
    let shared = open_pool(PoolKind::SharedMemory, SESSION, &config).expect("enough shared memory");
    assert!(mapping_of(frame(&*shared, SOUND, 1).bytes().as_ptr()).path.starts_with("/dev/shm"));
    let refused = open_pool(PoolKind::SharedMemory, "", &config).expect_err("no name");
    assert!(matches!(refused, OpenPoolError::SharedMemory(SharedMemoryError::SessionId { .. })));
}
