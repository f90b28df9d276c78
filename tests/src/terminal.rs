//! Running a program in a terminal of a given width.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Runs a program to its end in a terminal of the given width, and returns what it wrote there.
///
/// For programs that write little and end by themselves.
#[track_caller]
pub fn run_in_terminal(command: &mut Command, columns: u16) -> String {
    let [controller, terminal] = open_terminal(columns);
    let end = || Stdio::from(terminal.try_clone().expect("it can be used twice"));
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("the program starts");
    // The command keeps what it hands down, and the terminal ends when no process has it open any more.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    drop(terminal);
    let mut written = Vec::new();
    // Where a terminal ends, reading it is an error on Linux.
    let _ = (&controller).read_to_end(&mut written);
    child.wait().expect("it is our child");
    String::from_utf8(written).expect("it wrote text").replace("\r\n", "\n")
}

/// Opens a terminal of the given width: the end of the one who looks at it, and the end for programs.
#[track_caller]
pub fn open_terminal(columns: u16) -> [File; 2] {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .expect("the system has terminals");
    grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("it is ours");
    let name = ptsname(&controller, Vec::new()).expect("it has a name");
    let name = name.into_string().expect("its name is text");
    let terminal = OpenOptions::new().read(true).write(true).open(name).expect("it can be opened");
    let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).expect("its size can be set");
    [File::from(controller), terminal]
}
