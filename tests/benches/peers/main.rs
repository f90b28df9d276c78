//! The product beside its peers, on the machine at hand: `cargo bench -p product-tests --bench peers`.
//!
//! Builds the programs in `programs/`, checks that each does its work, and measures them in turn, so that what disturbs the
//! machine disturbs all alike. Writes a report in Markdown and charts below the target folder. `-- --help` lists the parts
//! and the options; docs/performance.md explains the figures.
//!
//! The server has one core and this program another. The inboxes are in the folder of the report: its disk is measured.

mod chart;
mod cores;
mod durable;
mod event;
mod growth;
mod idle;
mod inline;
mod latency;
mod load;
mod options;
mod postgres;
mod programs;
mod report;
mod server;
mod soak;
mod statistics;

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::cores::Cores;
use self::options::{Options, USAGE};
use self::programs::Programs;
use self::report::{Table, circumstances};
use self::server::{Server, Start};

/// A part of the report: its name, the programs that it needs, and what measures it.
type Part = (&'static str, &'static [&'static str], fn(&mut Bench));

/// The folder of what is running, beside the report.
const RUNS: &str = "runs";

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let parts: [Part; 7] = [
        ("inline", &inline::PROGRAMS, inline::run),
        ("idle", &["hyper", "ours"], idle::run),
        ("durable", &["ours", "rows"], durable::run),
        ("growth", &["ours", "rows"], growth::run),
        ("latency", &["ours"], latency::run),
        ("postgres", &["ours"], postgres::run),
        ("soak", &["ours"], soak::run),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(name, ..)| options.wants(name)).collect();
    let names = parts.iter().flat_map(|(_, programs, _)| *programs).copied().collect();
    let programs = match &options.programs {
        Some(folder) => Programs::in_folder(folder, &names),
        None => Programs::build(&names),
    };
    fs::create_dir_all(&options.folder).expect("the folder can be written to");
    let mut bench =
        Bench { programs, cores: Cores::share_out(), options, folders: Cell::new(0), text: String::new() };
    bench.text = format!("{}\n", circumstances(&bench.options, &bench.cores));
    for (_, _, run) in parts {
        run(&mut bench);
        // The inboxes are large.
        let _ = fs::remove_dir_all(bench.options.folder.join(RUNS));
    }
    println!("\n{}\nwritten to {}", bench.text, bench.options.folder.display());
    ExitCode::SUCCESS
}

/// What the parts share.
struct Bench {
    programs: Programs,
    cores: Cores,
    options: Options,
    /// How many folders were made for servers.
    folders: Cell<u32>,
    /// The report so far.
    text: String,
}

impl Bench {
    /// Starts a program in a folder of its own.
    fn start(&self, start: Start) -> Server {
        self.start_in(start, &self.new_folder(start.program))
    }

    /// Starts a program in a folder of its own, on these cores.
    fn start_on(&self, start: Start, cores: &str) -> Server {
        Server::start(self.programs.path(start.program), start, cores, &self.new_folder(start.program))
    }

    /// Starts a program in a folder, whose inbox it continues.
    fn start_in(&self, start: Start, folder: &Path) -> Server {
        Server::start(self.programs.path(start.program), start, &self.cores.server, folder)
    }

    /// An empty folder.
    fn new_folder(&self, name: &str) -> PathBuf {
        let number = self.folders.replace(self.folders.get() + 1);
        let folder = self.options.folder.join(RUNS).join(format!("{name}-{number}"));
        // What an earlier run left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the folder can be written to");
        folder
    }

    /// Adds a table to the report, and prints it.
    fn report(&mut self, table: &Table) {
        let table = table.markdown();
        println!("\n{table}");
        self.text.push_str(&table);
        self.text.push('\n');
        self.write("report.md", &self.text);
    }

    /// Writes a file beside the report.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.options.folder.join(name), text).expect("the folder can be written to");
    }
}
