//! Small disks, which can be full.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Files, Process, Stream, tool};

/// A disk of 8 MiB or what else a test asks for, mounted where only the programs of this test see it. Gone with this.
pub struct Disk {
    /// Waits, and has the mount for as long as it lives.
    keeper: Process,
    keeper_id: u32,
    mounted_at: PathBuf,
    is_root: bool,
}

impl Disk {
    #[track_caller]
    pub fn mount(files: &Files) -> Self {
        Self::mount_with(files, "mount -t tmpfs -o size=8m tmpfs \"$1\"")
    }

    /// One that a command of the shell mounts at `$1`.
    #[track_caller]
    pub fn mount_with(files: &Files, mount: &str) -> Self {
        tool("unshare", "the package util-linux");
        tool("nsenter", "the package util-linux");
        let id = Command::new("id").arg("-u").output().expect("there is `id`").stdout;
        let is_root = id.trim_ascii() == b"0";
        let mounted_at = files.folder().join("disk");
        fs::create_dir_all(&mounted_at).expect("the folder is ours");
        let mut keeper = Command::new("unshare");
        keeper.arg(if is_root { "-m" } else { "-rm" }).args(["sh", "-c"]);
        keeper.arg(format!("{mount} && echo \"mounted: $$\" || echo failed; read -r end"));
        keeper.arg("sh").arg(&mounted_at);
        let keeper = Process::start(&mut keeper);
        let said = keeper.line(Stream::Stdout, |line| Some(line.to_owned()));
        let keeper_id = said.strip_prefix("mounted: ").and_then(|id| id.parse().ok());
        let keeper_id =
            keeper_id.expect("this test mounts a file system: it must be root, or may use user namespaces");
        Self { keeper, keeper_id, mounted_at, is_root }
    }

    /// A command whose program sees the disk.
    pub fn command(&self, files: &Files, program: &str) -> Command {
        let mut command = files.command("nsenter");
        command.args(["-t", &self.keeper_id.to_string(), "-m"]);
        if !self.is_root {
            command.args(["-U", "--preserve-credentials"]);
        }
        command.arg(program).env("WEBHOOK_INBOX", self.mounted_at.join("inbox.db"));
        command
    }

    /// Where its programs see it.
    pub fn mounted_at(&self) -> &Path {
        &self.mounted_at
    }

    /// The disk's folder, as this test reaches it.
    pub fn folder(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper_id));
        root.join(self.mounted_at.strip_prefix("/").expect("it is absolute"))
    }

    #[track_caller]
    pub fn fill(&self, bytes: usize) {
        fs::write(self.folder().join("filler"), vec![1; bytes]).expect("there is room for it");
    }

    /// Leaves no page.
    #[track_caller]
    pub fn fill_up(&self) {
        let mut filler = File::create(self.folder().join("filler")).expect("a file can be made");
        while filler.write_all(&[1; 4096]).is_ok() {}
    }

    #[track_caller]
    pub fn free(&self) {
        fs::remove_file(self.folder().join("filler")).expect("it is there");
    }

    /// Copies the files of a server that has ended to where others are, to be looked at.
    #[track_caller]
    pub fn copy_out(&self, files: &Files) {
        for ending in ["", "-wal"] {
            let from = self.folder().join(format!("inbox.db{ending}"));
            if from.exists() {
                let to = files.folder().join(format!("inbox.db{ending}"));
                fs::copy(from, to).expect("there is room outside");
            }
        }
    }

    /// The end of the test: the keeper must have lived so long.
    #[track_caller]
    pub fn unmount(mut self) {
        self.keeper.tell("end");
        self.keeper.wait().with_code(0);
    }
}
