//! What is printed and written: Markdown, and where and how it was measured.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use product_tests::repository;

use crate::cores::Cores;
use crate::options::Options;
use crate::programs::versions;

/// A table of the report.
#[derive(Debug)]
pub(crate) struct Table {
    title: &'static str,
    /// How to read it.
    note: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &'static str, note: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title, note: note.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.columns.len(), "a row has a cell for each column");
        self.rows.push(cells.into());
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n| {} |\n", self.title, self.note, self.columns.join(" | "));
        text.push_str(&"|---".repeat(self.columns.len()));
        text.push_str("|\n");
        for row in &self.rows {
            writeln!(text, "| {} |", row.join(" | ")).expect("a text takes anything");
        }
        text
    }
}

/// Where, when and of what the figures are.
pub(crate) fn circumstances(options: &Options, cores: &Cores) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let count = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(" an unknown processor");
    let memory = read("/proc/meminfo");
    let memory = memory.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let git = |arguments: &[&str]| said(Command::new("git").args(arguments).current_dir(repository()));
    let changed = if git(&["status", "--porcelain"]).is_empty() { "" } else { ", with changes" };
    let crates =
        ["hyper", "axum", "tokio", "serde_json", "async-stripe-webhook", "rusqlite", "libsqlite3-sys"];
    format!(
        "- Machine: {}, {count} cores, {} GiB of memory, Linux {}; the server on core {}, the sender on core {}\n\
         - Date: {}\n\
         - Commit: {}{changed}\n\
         - Built by {}; {}\n\
         - Command: `cargo bench -p product-tests --bench peers -- {}`\n",
        model.trim_start_matches([' ', '\t', ':']),
        memory.div_ceil(1024 * 1024),
        kernel.trim(),
        cores.server,
        cores.sender,
        said(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
        git(&["rev-parse", "--short=10", "HEAD"]),
        said(Command::new("rustc").arg("--version")),
        versions(&crates),
        options.line,
    )
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
