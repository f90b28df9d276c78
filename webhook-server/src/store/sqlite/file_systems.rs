//! File systems on which an inbox is not safe, or not for long.
//!
//! Only Linux is asked. On other systems, every file system counts as a local disk.

use std::path::Path;

/// What matters to an inbox about its file system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Several machines, or programs outside this system, may write it, and SQLite's log is not safe there.
    Shared,
    /// It is lost when the machine restarts.
    Memory,
    /// It is the writable layer of a container, and lost with the container.
    Layer,
}

/// The number that `statfs` returns, the name, and the kind.
///
/// Sources: `statfs(2)`; `include/uapi/linux/magic.h`; for those outside the kernel, the table in `stat(1)` of GNU
/// coreutils; for VirtualBox, `fs/vboxsf/super.c`.
const KINDS: [(u32, &str, Kind); 28] = [
    (0x0102_1994, "tmpfs", Kind::Memory),
    (0x8584_58f6, "ramfs", Kind::Memory),
    (0x794c_7630, "overlayfs", Kind::Layer),
    (0x6175_6673, "aufs", Kind::Layer),
    (0x0000_6969, "NFS", Kind::Shared),
    (0x0000_517b, "SMB", Kind::Shared),
    (0xff53_4d42, "CIFS", Kind::Shared),
    (0xfe53_4d42, "SMB2", Kind::Shared),
    (0x0000_564c, "NCP", Kind::Shared),
    (0x7375_7245, "Coda", Kind::Shared),
    (0x5346_414f, "AFS", Kind::Shared),
    (0x6b41_4653, "AFS", Kind::Shared),
    (0x00c3_6400, "CephFS", Kind::Shared),
    (0x0102_1997, "9p", Kind::Shared),
    // What FUSE carries is unknown: sshfs, s3fs, rclone, GlusterFS, virtiofs and the shared folders of Docker Desktop,
    // among others, and some local file systems.
    (0x6573_5546, "FUSE or virtiofs", Kind::Shared),
    (0x786f_4256, "a folder of VirtualBox", Kind::Shared),
    (0xbacb_acbc, "a folder of VMware", Kind::Shared),
    (0x7c7c_6673, "a folder of Parallels", Kind::Shared),
    (0x0bd0_0bd0, "Lustre", Kind::Shared),
    (0x4750_4653, "GPFS", Kind::Shared),
    (0x0116_1970, "GFS2", Kind::Shared),
    (0x7461_636f, "OCFS2", Kind::Shared),
    (0x1983_0326, "BeeGFS", Kind::Shared),
    (0xaad7_aaea, "PanFS", Kind::Shared),
    (0x6163_6673, "ACFS", Kind::Shared),
    (0x2003_0528, "OrangeFS", Kind::Shared),
    (0xbeef_dead, "StorNext", Kind::Shared),
    (0x0131_11a8, "IBRIX", Kind::Shared),
];

/// Finds a file system by its number.
fn kind(magic: u32) -> Option<(&'static str, Kind)> {
    KINDS.iter().find(|(known, ..)| *known == magic).map(|(_, name, kind)| (*name, *kind))
}

/// The file system of a file or directory, if it matters to an inbox.
#[cfg(target_os = "linux")]
pub(super) fn of(path: &Path) -> Option<(&'static str, Kind)> {
    let found = rustix::fs::statfs(path).ok()?;
    // The field's type differs between machines, its low 32 bits do not.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the numbers have 32 bits")]
    kind(found.f_type as u32)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_path: &Path) -> Option<(&'static str, Kind)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_file_system_is_known_and_a_local_one_is_not_taken_for_it() {
        let shared = Some(Kind::Shared);
        for (magic, expected) in [
            (0x6969, shared),
            (0x517b, shared),
            (0xff53_4d42, shared),
            (0xfe53_4d42, shared),
            (0x5346_414f, shared),
            (0x00c3_6400, shared),
            (0x0102_1997, shared),
            (0x6573_5546, shared),
            (0x0bd0_0bd0, shared),
            (0x786f_4256, shared),
            (0x0102_1994, Some(Kind::Memory)),
            (0x794c_7630, Some(Kind::Layer)),
            // ext4, XFS, btrfs, F2FS, ZFS, bcachefs
            (0xef53, None),
            (0x5846_5342, None),
            (0x9123_683e, None),
            (0xf2f5_2010, None),
            (0x2fc1_2fc1, None),
            (0xca45_1a4e, None),
        ] {
            assert_eq!(kind(magic).map(|(_, kind)| kind), expected, "{magic:#x}");
        }
    }

    #[test]
    fn no_file_system_is_told_in_two_ways() {
        for (at, (magic, ..)) in KINDS.iter().enumerate() {
            assert_eq!(KINDS.iter().position(|(other, ..)| other == magic), Some(at), "{magic:#x}");
        }
    }
}
