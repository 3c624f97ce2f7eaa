//! Ids that no other session has.

use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::data::SessionId;

/// Makes an id that no other session has, in this or another process: 32 hexadecimal digits.
///
/// 64 bits are a hash of time, process and count under keys that the system's random source gave the
/// process; the other 64 are a second such hash. Two equal ones are as likely as two equal random UUIDs.
pub fn unique_session_id() -> SessionId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let half = || RandomState::new().hash_one((now, process::id(), count));
    SessionId::new(format!("{:016x}{:016x}", half(), half())).expect("hexadecimal digits make a name")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_made_at_the_same_time_on_several_threads_differ() {
        let threads = [(); 4]
            .map(|()| std::thread::spawn(|| (0..1000).map(|_| unique_session_id()).collect::<Vec<_>>()));
        let ids = threads.into_iter().flat_map(|thread| thread.join().expect("no panic"));
        let ids: HashSet<_> = ids.collect();
        assert_eq!(ids.len(), 4000);
        assert!(ids.iter().all(|id| id.as_str().len() == 32));
    }
}
