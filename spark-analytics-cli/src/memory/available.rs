//! How much memory the system leaves this process.

use std::fs;
use std::path::Path;

use rlimit::Resource;

/// The least of the machine's memory, the limits of the process's control groups, and its limits of data and of address
/// space.
pub(super) fn bytes() -> u64 {
    let root = Path::new("/");
    let limit = |resource: Resource| resource.get_soft().ok();
    // Threads and allocators reserve far more address space than they use, so what is reserved by now does not count.
    let addresses = limit(Resource::AS).map(|limit| limit.saturating_sub(reserved(root)));
    let all = [limit(Resource::DATA), addresses, machine(root), control_groups(root)];
    all.into_iter().flatten().min().unwrap_or(u64::MAX)
}

/// The address space that this process has by now.
fn reserved(root: &Path) -> u64 {
    kib(&root.join("proc/self/status"), "VmSize:").unwrap_or(0)
}

/// The memory of the machine; `None` where the system does not say.
fn machine(root: &Path) -> Option<u64> {
    kib(&root.join("proc/meminfo"), "MemTotal:")
}

/// A value in KiB, by its name in a file, as bytes.
fn kib(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = value.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least limit of the control groups of this process, and of those that contain them, of either version.
fn control_groups(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let limits = groups.lines().filter_map(|line| {
        // The number of the hierarchy, its controllers, and the path of the group.
        let mut parts = line.splitn(3, ':');
        let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        let (mounted, file) = if controllers.is_empty() {
            ("sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            return None;
        };
        let group = Path::new(group.trim_start_matches('/'));
        // In a container, the path may be that on the host, while only the group itself is mounted.
        group
            .ancestors()
            .filter_map(|above| limit(&root.join(mounted).join(above).join(file)))
            .min()
    });
    limits.min()
}

fn limit(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A system with these files.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_machine_has_its_memory() {
        let root = system(&[("proc/meminfo", "MemTotal:       24689664 kB\nMemFree: 1 kB\n")]);
        assert_eq!(machine(root.path()), Some(24_689_664 * 1024));
        assert_eq!(machine(system(&[("proc/meminfo", "nothing")]).path()), None);
        assert_eq!(machine(Path::new("/nowhere")), None);
    }

    #[test]
    fn the_least_limit_of_a_group_or_those_above_counts() {
        let root = system(&[
            ("proc/self/cgroup", "0::/system.slice/spark.service\n"),
            ("sys/fs/cgroup/system.slice/spark.service/memory.max", "max\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "268435456\n"),
        ]);
        assert_eq!(control_groups(root.path()), Some(256 << 20));
        let first = system(&[
            ("proc/self/cgroup", "9:name=systemd:/a\n4:cpu,memory:/docker/abc\n3:cpuset:/\n0::/\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "134217728\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(control_groups(first.path()), Some(128 << 20));
        let container =
            system(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "536870912\n")]);
        assert_eq!(control_groups(container.path()), Some(512 << 20));
        assert_eq!(control_groups(system(&[("proc/self/cgroup", "0::/\n")]).path()), None);
    }
}
