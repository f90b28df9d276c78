//! When files are read, and what is taken from them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::*;

/// Takes every text but `bad`, and notes what it was given.
#[derive(Debug)]
struct Texts {
    file: Option<PathBuf>,
    given: Mutex<Vec<String>>,
}

impl Texts {
    fn of(file: &Path) -> Arc<Self> {
        Arc::new(Self { file: Some(file.to_owned()), given: Mutex::default() })
    }

    /// What it was given since the last call.
    fn given(&self) -> Vec<String> {
        std::mem::take(&mut *self.given.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reloadable for Texts {
    fn what(&self) -> &'static str {
        "texts"
    }

    fn files(&self) -> Vec<&Path> {
        self.file.as_deref().into_iter().collect()
    }

    fn replace(&self, contents: Vec<Content>) -> Result<Change, Problems> {
        let text = contents
            .into_iter()
            .next()
            .unwrap_or_else(|| Err("there is no file".to_owned()))
            .map(|text| text.text.to_string());
        let text = text.unwrap_or_else(|_| "unreadable".to_owned());
        let mut problems = Problems::default();
        if text == "bad" {
            problems.add("it is bad");
        }
        self.given.lock().expect("no panic").push(text);
        problems.none_or(Change::Replaced)
    }
}

#[tokio::test]
async fn a_content_is_taken_when_it_was_read_twice_and_only_once() {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("text");
    let texts = Texts::of(&file);
    let (mut watched, mut readers) =
        (Watched::new(Arc::clone(&texts) as _, &Report::nowhere()), Readers::new());
    for (text, polls, expected) in [
        (Some("one"), 1, &[][..]),
        (Some("one"), 1, &["one"]),
        (Some("one"), 5, &[]),
        // A half-written file is not taken.
        (Some("t"), 1, &[]),
        (Some("two"), 1, &[]),
        (Some("two"), 1, &["two"]),
        (Some("bad"), 9, &["bad"]),
        (None, 9, &["unreadable"]),
        (Some("bad"), 9, &["bad"]),
        (Some("one"), 9, &["one"]),
    ] {
        match text {
            Some(text) => std::fs::write(&file, text).expect("the folder can be written to"),
            None => std::fs::remove_file(&file).expect("it is there"),
        }
        for _ in 0..polls {
            watched.poll(&mut readers).await;
        }
        assert_eq!(texts.given(), expected, "{text:?}");
    }
    // When asked to, it does not wait for a second time.
    std::fs::write(&file, "three").expect("the folder can be written to");
    watched.read_now(&mut readers).await;
    watched.poll(&mut readers).await;
    watched.poll(&mut readers).await;
    assert_eq!(texts.given(), ["three"]);
}

/// A secret that was generated, or given by the environment.
#[tokio::test]
async fn what_is_in_no_file_is_left_alone() {
    let texts = Arc::new(Texts { file: None, given: Mutex::default() });
    let (mut watched, mut readers) =
        (Watched::new(Arc::clone(&texts) as _, &Report::nowhere()), Readers::new());
    for _ in 0..3 {
        watched.poll(&mut readers).await;
    }
    watched.read_now(&mut readers).await;
    assert!(texts.given().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn what_can_be_read_only_once_is_left_alone() {
    let texts = Texts::of("/dev/null".as_ref());
    let (mut watched, mut readers) =
        (Watched::new(Arc::clone(&texts) as _, &Report::nowhere()), Readers::new());
    watched.poll(&mut readers).await;
    watched.poll(&mut readers).await;
    watched.read_now(&mut readers).await;
    assert!(texts.given().is_empty());
}

/// A directory may take a file's place, such as a mount of a file that is not there. That is told, not passed over.
#[tokio::test]
async fn a_directory_in_place_of_a_file_is_an_error() {
    let folder = tempfile::tempdir().expect("there is room");
    let texts = Texts::of(folder.path());
    let (mut watched, mut readers) =
        (Watched::new(Arc::clone(&texts) as _, &Report::nowhere()), Readers::new());
    for _ in 0..3 {
        watched.poll(&mut readers).await;
    }
    assert_eq!(texts.given(), ["unreadable"]);
}

#[cfg(unix)]
mod hanging {
    use std::fs::{self, OpenOptions};
    use std::io::{self, Write};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// How often a pipe was read.
    static READ: AtomicUsize = AtomicUsize::new(0);

    /// Reads a file. Of a pipe, it waits for the other end, as it would for a file system.
    fn read_or_hang(file: &Path) -> Option<Content> {
        use std::os::unix::fs::FileTypeExt;

        let is_pipe = fs::metadata(file).is_ok_and(|found| found.file_type().is_fifo());
        READ.fetch_add(usize::from(is_pipe), Ordering::SeqCst);
        Some(file::read(file))
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        /// The number of lines with all of these words.
        fn count(&self, words: &[&str]) -> usize {
            let log = String::from_utf8(self.0.lock().expect("no panic").clone()).expect("it is text");
            log.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
        }
    }

    #[tokio::test]
    async fn a_file_that_hangs_is_told_and_holds_up_nothing_else() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
        let _installed = tracing::subscriber::set_default(subscriber.finish());
        let folder = tempfile::tempdir().expect("there is room");
        let [pipe, good, next] = ["pipe", "good", "next"].map(|name| folder.path().join(name));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("the system has it");
        assert!(made.success());
        let [hanging, texts] = [&pipe, &good].map(|file| Texts::of(file));
        let [mut on_pipe, mut on_good] =
            [&hanging, &texts].map(|texts| Watched::new(Arc::clone(texts) as _, &Report::nowhere()));
        let mut readers = Readers::with(read_or_hang, Duration::from_millis(200));

        for text in ["one", "two"] {
            fs::write(&good, text).expect("the folder can be written to");
            let mut given = Vec::new();
            while given.is_empty() {
                assert_eq!(on_pipe.poll(&mut readers).await, None);
                on_good.poll(&mut readers).await;
                given = texts.given();
            }
            assert_eq!(given, [text]);
        }
        let told = ["ERROR", "reading the file hangs", "/pipe"];
        assert_eq!((log.count(&told), READ.load(Ordering::SeqCst)), (1, 1), "once, on one thread");
        assert_eq!(on_pipe.read_now(&mut readers).await, None);
        assert_eq!(log.count(&["ERROR", "texts: not reloaded, because reading the file hangs", "/pipe"]), 1);

        // What is read when the file system answers at last is old: there is a new file by then.
        let mut end = OpenOptions::new().write(true).open(&pipe).expect("its reader waits");
        fs::write(&next, "new").expect("the folder can be written to");
        fs::rename(&next, &pipe).expect("both are in one folder");
        assert_eq!(log.count(&["the file can be read again"]), 0);
        end.write_all(b"old").expect("its reader waits");
        drop(end);
        let mut given = Vec::new();
        while given.is_empty() {
            on_pipe.poll(&mut readers).await;
            given = hanging.given();
            tokio::task::yield_now().await;
        }
        assert_eq!((given, READ.load(Ordering::SeqCst)), (vec!["new".to_owned()], 1));
        assert!(log.count(&["INFO", "the file can be read again", "/pipe"]) >= 1);
    }
}
