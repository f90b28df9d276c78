//! What the documentation shows is true: each code block is compiled, run or read, and each link leads somewhere.
//!
//! Rust blocks are compiled as doctests of `webhook-server`. Commands of `console` blocks begin with `$ `; they run in
//! order, in a folder of their own for each document, and what they print is compared: `…` stands for any text, and a line
//! `…` for any lines.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use product_tests::{
    Built, PATIENCE, Process, Profile, SECRET, Server, Stream, build_workspace, fixture_errors,
    fixture_warnings, program, repository, run,
};

/// Commands that are run by another test, or need what a test cannot have.
const ELSEWHERE: [(&str, &str); 10] = [
    ("cargo new ", "own_project.rs runs it"),
    ("cargo add ", "own_project.rs runs it"),
    ("cp ../webhook/", "own_project.rs runs it"),
    ("cargo test --workspace", "it runs this test"),
    ("export STRIPE_WEBHOOK_SECRET=\"$(stripe ", "it needs an account with Stripe"),
    ("stripe ", "it needs an account with Stripe"),
    ("cargo run -p quickstart", "it needs a secret from Stripe"),
    (".ci/", "it is part of what must be green"),
    ("cargo bench ", "it judges speed"),
    ("TRYBUILD=overwrite cargo test ", "it changes the sources"),
];

const EXAMPLES: [&str; 3] = ["handlers-in-a-crate", "quickstart", "shop"];

#[derive(Debug)]
struct Block {
    /// The document and the line, for a failed assertion.
    at: String,
    language: String,
    lines: Vec<String>,
}

#[test]
fn every_language_is_one_that_is_checked() {
    let compiled = ["webhook-server/src/lib.rs", "webhook-server/tx-sqlx/src/lib.rs"].map(read).concat();
    for document in documents() {
        for Block { at, language, lines } in blocks(&document) {
            match &*language {
                "console" | "text" | "ini" | "yaml" | "tree" | "toml" | "sh" => {}
                "json" => {
                    let parsed = serde_json::from_str::<serde_json::Value>(&lines.join("\n"));
                    assert!(parsed.is_ok(), "{at}: {parsed:?}");
                }
                "dockerfile" | "nginx" | "caddyfile" | "haproxy" => {}
                "rust,ignore" => assert!(is_in_an_example(&lines), "{at}: no example has these lines"),
                rust if rust == "rust" || rust.starts_with("rust,") => {
                    let included = format!("../../{document}\")");
                    assert!(compiled.contains(&included), "{at}: lib.rs does not compile {document}");
                }
                other => panic!("{at}: nothing checks a block of `{other}`"),
            }
        }
    }
}

#[test]
fn what_the_commands_print_is_shown() {
    let built = build_workspace(&EXAMPLES, Profile::Debug);
    for document in documents() {
        let mut scene = Scene::new(&document, &built);
        for block in blocks(&document).into_iter().filter(|block| block.language == "console") {
            for (command, expected) in commands(&block) {
                scene.run(&command, &expected, &block.at);
            }
        }
        scene.end();
    }
}

/// The text that a document shows is the compiler's.
#[test]
fn messages_of_the_compiler_are_its_own() {
    let mut said = vec![
        fixture_errors("misspelt").replace("misspelt/src/", "src/"),
        fixture_warnings("lib-and-bin").replace("lib_and_bin", "shop"),
    ];
    let of_versions =
        ["acacia", "acacia_and_endive", "2024_06_20"].map(|set| format!("tests/versions/ui/{set}"));
    let others = ["webhook-core/tests/ui", "webhook-core/tests/ui_views"].map(str::to_owned);
    for folder in of_versions.iter().chain(&others) {
        said.extend(files(&repository().join(folder), "stderr").iter().map(|path| read_at(path)));
    }
    for document in documents() {
        for Block { at, lines, .. } in blocks(&document).into_iter().filter(|block| block.language == "text")
        {
            let is_said = |text: &String| {
                let mut said = text.lines();
                lines.iter().all(|line| said.any(|said| same_line(line, said)))
            };
            assert!(said.iter().any(is_said), "{at}: nothing says\n{}", lines.join("\n"));
        }
    }
}

#[test]
fn configuration_can_be_read() {
    for document in documents() {
        for Block { at, language, lines } in blocks(&document) {
            let is_good: fn(&str) -> bool = match &*language {
                "ini" => |line| {
                    let is_section = line.starts_with('[') && line.ends_with(']');
                    is_section
                        || line.split_once('=').is_some_and(|(key, _)| key.chars().all(char::is_alphanumeric))
                },
                "yaml" => |line| {
                    let text = line.trim_start();
                    let text = text.strip_prefix("- ").unwrap_or(text);
                    let is_even = (line.len() - line.trim_start().len()).is_multiple_of(2);
                    is_even
                        && text.split_once(':').is_some_and(|(key, rest)| {
                            key.chars().all(char::is_alphanumeric)
                                && (rest.is_empty() || rest.starts_with(' '))
                        })
                },
                "dockerfile" => |line| {
                    let known = ["COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "RUN", "VOLUME", "WORKDIR"];
                    line.split_once(' ').is_some_and(|(word, _)| known.contains(&word))
                },
                "sh" => |line| {
                    ["export WEBHOOK_", "openssl ", "shop ", "    "]
                        .iter()
                        .any(|known| line.starts_with(known))
                },
                "nginx" => |line| line.ends_with([';', '{', '}']),
                "caddyfile" => |line| !line.ends_with(';'),
                "haproxy" => |line| {
                    line.starts_with("    ")
                        || ["defaults", "frontend", "backend"].iter().any(|known| line.starts_with(known))
                },
                _ => continue,
            };
            for line in lines.iter().filter(|line| !line.is_empty()) {
                assert!(is_good(line), "{at}: {language} cannot be {line:?}");
            }
        }
    }
}

/// A configuration file that is shown is one that a program accepts. Its secrets are on another machine.
#[test]
fn configuration_files_are_accepted() {
    let documents = documents();
    let blocks = documents.iter().flat_map(|document| blocks(document));
    let mut count = 0;
    for Block { at, lines, .. } in blocks.filter(|block| block.language == "toml") {
        let text = lines.join("\n");
        // One declares endpoints.
        let sections = text.contains("[endpoint.");
        let path = if sections { env!("CARGO_BIN_EXE_endpoints") } else { env!("CARGO_BIN_EXE_outcomes") };
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let file = folder.path().join("shop.toml");
        fs::write(&file, text).expect("it can be written to");
        let mut command = program(path);
        command.env("STRIPE_OWN_SECRET", SECRET).env("STRIPE_CONNECT_SECRET", SECRET);
        command.env("STRIPE_SECRET_OF_THE_SHOP", SECRET).args(["serve", "--check", "--config"]).arg(file);
        let shown = run(&mut command).stderr;
        let problems: Vec<_> = shown.lines().filter(|line| line.starts_with("  ")).collect();
        let is_absent = |line: &&str| line.contains("the secret file /run/secrets/");
        assert!(problems.iter().all(is_absent), "{at}: {shown}");
        count += 1;
    }
    assert!(count > 0, "no file is shown");
}

/// The map is a tree of folders and files that are there.
#[test]
fn the_map_names_what_is_there() {
    let trees: Vec<_> =
        blocks("ARCHITECTURE.md").into_iter().filter(|block| block.language == "tree").collect();
    assert!(!trees.is_empty());
    for Block { at, lines, .. } in trees {
        let mut folders: Vec<(usize, PathBuf)> = Vec::new();
        for line in &lines {
            let depth = line.len() - line.trim_start().len();
            let names = line.trim_start().split("  ").next().unwrap_or_default();
            folders.retain(|(above, _)| *above < depth);
            let folder = folders.last().map_or_else(repository, |(_, folder)| folder.clone());
            // A line that goes on with the description of the one above.
            if depth >= 20 {
                continue;
            }
            for name in names.split(", ") {
                assert!(folder.join(name).exists(), "{at}: there is no {name} in {}", folder.display());
            }
            let first = names.split(", ").find(|name| name.ends_with('/')).unwrap_or("");
            folders.push((depth, folder.join(first)));
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for document in documents() {
        let text = without_code(&read(&document));
        let folder = Path::new(&document).parent().expect("a document is in a folder").to_owned();
        for target in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if path.is_empty() {
                repository().join(&document)
            } else {
                repository().join(&folder).join(path)
            };
            assert!(file.exists(), "{document}: {target} leads nowhere");
            if !anchor.is_empty() {
                let headings = headings(&read_at(&file));
                assert!(headings.contains(anchor), "{document}: {target} is not among {headings:?}");
            }
        }
    }
}

/// A folder in which the commands of one document run, and the server that some of them talk to.
struct Scene<'b> {
    built: &'b Built,
    folder: tempfile::TempDir,
    server: Option<Server>,
}

impl<'b> Scene<'b> {
    fn new(document: &str, built: &'b Built) -> Self {
        let folder = tempfile::Builder::new().prefix(&document.replace(['/', '.'], "-")).tempdir();
        let folder = folder.expect("there is a place for temporary files");
        Self { built, folder, server: None }
    }

    fn run(&mut self, command: &str, expected: &[String], at: &str) {
        if ELSEWHERE.iter().any(|(prefix, _)| command == prefix.trim_end() || is_elsewhere(command, prefix)) {
            return;
        }
        let mut line = command.replace("cargo run -- ", "quickstart ");
        line = line.replace("cargo run -p quickstart -- ", "quickstart ");
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let example = EXAMPLES.into_iter().find(|example| words.iter().any(|word| word == example));
        assert!(example.is_some() || words[0] == "cat", "{at}: nothing knows how to run `{command}`");
        if words.iter().any(|word| word == "trigger") && !words.iter().any(|word| word == "--to") {
            line = format!("{line} --to {}", self.url(example.expect("a program triggers")));
        }
        if words.last().is_some_and(|word| word == "dev") {
            return self.run_until_it_waits(&line, expected, at);
        }
        // What a command shows may be true only a moment later, once the server has done it. What changes something
        // is done once.
        let changes = ["trigger", "retry", "skip", "replay", "prune"];
        let is_once = words.iter().any(|word| changes.contains(&&**word));
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let ended = run(&mut self.shell(&line));
            let refused = expected.first().is_some_and(|line| line.starts_with("error"));
            assert_eq!(ended.code == Some(0), !refused, "{at}: `{command}`: {ended:#?}");
            let shown = format!("{}{}", ended.stdout, ended.stderr);
            if expected.is_empty() || fits(expected, &shown) {
                return;
            }
            let is_over = is_once || std::time::Instant::now() > deadline;
            assert!(!is_over, "{at}: `{command}` is shown as\n{}\nand prints\n{shown}", expected.join("\n"));
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn run_until_it_waits(&self, line: &str, expected: &[String], at: &str) {
        let dev = Process::start(&mut self.shell(&format!("exec {line}")));
        dev.line_with(Stream::Stdout, "Still listening");
        dev.signal("INT");
        let shown = dev.wait().with_code(0).stdout;
        assert!(expected.is_empty() || fits(expected, &shown), "{at}: `{line}` prints\n{shown}");
    }

    fn shell(&self, line: &str) -> std::process::Command {
        let mut command = program("sh");
        let folders = self.built.values().filter_map(|program| program.parent());
        let search = folders.map(Path::to_owned).chain([PathBuf::from("/usr/bin"), PathBuf::from("/bin")]);
        command.args(["-c", line]).current_dir(self.folder.path());
        command.env("PATH", std::env::join_paths(search).expect("the folders have ordinary names"));
        command.env("WEBHOOK_INBOX", self.inbox()).env("STRIPE_WEBHOOK_SECRET", SECRET);
        command
    }

    fn inbox(&self) -> PathBuf {
        self.folder.path().join("inbox.db")
    }

    fn url(&mut self, example: &str) -> String {
        let server = self.server.take().unwrap_or_else(|| {
            let mut command = program(&self.built[example]);
            command.current_dir(self.folder.path());
            Server::from_command(
                command.env("WEBHOOK_INBOX", self.inbox()).env("STRIPE_WEBHOOK_SECRET", SECRET),
                &[],
            )
        });
        self.server.insert(server).url.clone()
    }

    fn end(self) {
        if let Some(server) = self.server {
            server.stop();
        }
    }
}

/// The command is what is run elsewhere, and not the same with arguments.
fn is_elsewhere(command: &str, prefix: &str) -> bool {
    (prefix.ends_with(' ') || prefix.ends_with('/')) && command.starts_with(prefix)
}

/// The README, the documentation, and what is for those who work on it.
fn documents() -> Vec<String> {
    let mut found: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).into();
    for folder in ["docs", "examples"] {
        let folder = files(&repository().join(folder), "md");
        let relative = |path: &PathBuf| path.strip_prefix(repository()).ok()?.to_str().map(str::to_owned);
        found.extend(folder.iter().filter_map(relative));
    }
    found
}

/// All files below a folder whose names end so, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    read_at(&repository().join(path))
}

fn read_at(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code blocks of a document. One in a list is indented, and shown without that.
fn blocks(document: &str) -> Vec<Block> {
    let text = read(document);
    let mut found = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (line, number) in text.lines().zip(1..) {
        let indent = line.len() - line.trim_start().len();
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open.take()) {
            (Some(language), None) => {
                let at = format!("{document}:{number}");
                open = Some((indent, Block { at, language: language.to_owned(), lines: Vec::new() }));
            }
            (Some(_), Some((_, block))) => found.push(block),
            (None, Some((indent, mut block))) => {
                block.lines.push(line.get(indent..).unwrap_or("").to_owned());
                open = Some((indent, block));
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{document}: a block does not end");
    found
}

/// The commands of a block, and what each prints.
fn commands(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command.to_owned(), Vec::new())),
            (None, Some((_, printed))) => printed.push(line.clone()),
            (None, None) => panic!("{}: a console begins with a command, `$ …`", block.at),
        }
    }
    found
}

/// Whether the lines are what is shown: `…` in a line is any text, and alone any lines.
fn fits(expected: &[String], shown: &str) -> bool {
    let shown: Vec<_> = shown.trim_end().lines().collect();
    fits_from(expected, &shown)
}

fn fits_from(expected: &[String], shown: &[&str]) -> bool {
    match expected.split_first() {
        None => shown.is_empty(),
        Some((any, rest)) if any == "…" => (0..=shown.len()).any(|at| fits_from(rest, &shown[at..])),
        Some((line, rest)) => shown
            .split_first()
            .is_some_and(|(shown, others)| same_line(line, shown) && fits_from(rest, others)),
    }
}

fn same_line(expected: &str, shown: &str) -> bool {
    let mut parts = expected.split('…');
    let (first, mut rest) = (parts.next().unwrap_or(""), shown.trim_end());
    let Some(after) =
        rest.strip_prefix(first.trim_end_matches(if expected.contains('…') { '\0' } else { ' ' }))
    else {
        return false;
    };
    rest = after;
    let parts: Vec<_> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last.trim_end())
}

fn is_in_an_example(lines: &[String]) -> bool {
    let mut sources = files(&repository().join("examples"), "rs");
    sources.extend(files(&repository().join("tests/fixtures"), "rs"));
    let code: Vec<_> = lines.iter().filter_map(|line| line.split("//").next()).map(str::trim).collect();
    sources.iter().any(|source| {
        let text = read_at(source);
        code.iter().all(|line| text.lines().any(|there| there.trim() == *line))
    })
}

/// The text of a document without blocks and pieces of code.
fn without_code(text: &str) -> String {
    let mut is_code = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            kept.extend(line.split('`').step_by(2));
            kept.push('\n');
        }
    }
    kept
}

fn links(text: &str) -> Vec<String> {
    let ends = text.match_indices("](").filter_map(|(at, open)| {
        let target = &text[at + open.len()..];
        Some(target[..target.find(')')?].to_owned())
    });
    ends.collect()
}

/// The anchors of a document's headings.
fn headings(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.chars().filter(|&letter| letter.is_alphanumeric() || "-_".contains(letter)).collect()
    };
    headings.map(slug).collect()
}
