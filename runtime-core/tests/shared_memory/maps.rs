//! What the kernel says about an address of this process.

/// A mapping of memory, as `/proc/self/maps` lists it (proc_pid_maps(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Such as `r--s`: read, write, execute, shared or private.
    pub(crate) permissions: String,
    /// Names the memory, whoever maps it wherever.
    pub(crate) inode: u64,
    /// Such as `/dev/shm/…`.
    pub(crate) path: String,
}

impl Mapping {
    /// First part of the names of all segments of the same folder: `rm_` and its number.
    pub(crate) fn segment_prefix(&self) -> String {
        let name = self.path.strip_prefix("/dev/shm/").expect("a segment of shared memory");
        name.splitn(3, '_').take(2).map(|part| format!("{part}_")).collect()
    }
}

/// Returns the mapping that `address` lies in.
pub(crate) fn mapping_of(address: *const u8) -> Mapping {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux lists the mappings");
    let holds = |line: &&str| {
        let range = line.split_whitespace().next().expect("a range");
        let (start, end) = range.split_once('-').expect("a start and an end");
        let number = |digits| usize::from_str_radix(digits, 16).expect("hexadecimal");
        (number(start)..number(end)).contains(&address.addr())
    };
    let line = maps.lines().find(holds).expect("an address that is mapped");
    let fields: Vec<_> = line.split_whitespace().collect();
    let path = fields.get(5).copied().unwrap_or_default().to_owned();
    Mapping { permissions: fields[1].to_owned(), inode: fields[4].parse().expect("a number"), path }
}
