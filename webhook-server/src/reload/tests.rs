//! When files are read, and what is taken from them.

use std::path::PathBuf;
use std::sync::Mutex;

use super::*;

/// Takes every text but `bad`, and notes what it was given.
#[derive(Debug)]
struct Texts {
    file: PathBuf,
    given: Mutex<Vec<String>>,
}

impl Reloadable for Texts {
    fn what(&self) -> &'static str {
        "texts"
    }

    fn files(&self) -> Vec<&Path> {
        vec![&self.file]
    }

    fn replace(&self, contents: Vec<Content>) -> Result<Change, Problems> {
        let text = contents.into_iter().next().expect("there is one file").map(|text| text.to_string());
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
    let texts = Arc::new(Texts { file: file.clone(), given: Mutex::default() });
    let mut watched = Watched::new(Arc::clone(&texts) as _);
    let given = || std::mem::take(&mut *texts.given.lock().expect("no panic"));
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
            watched.poll().await;
        }
        assert_eq!(given(), expected, "{text:?}");
    }
    // When asked to, it does not wait for a second time.
    std::fs::write(&file, "three").expect("the folder can be written to");
    watched.read_now().await;
    watched.poll().await;
    watched.poll().await;
    assert_eq!(given(), ["three"]);
}

#[cfg(unix)]
#[tokio::test]
async fn what_can_be_read_only_once_is_left_alone() {
    let texts = Arc::new(Texts { file: "/dev/null".into(), given: Mutex::default() });
    let mut watched = Watched::new(Arc::clone(&texts) as _);
    watched.poll().await;
    watched.poll().await;
    watched.read_now().await;
    assert!(texts.given.lock().expect("no panic").is_empty());
}

/// A directory may take a file's place, such as a mount of a file that is not there. That is told, not passed over.
#[tokio::test]
async fn a_directory_in_place_of_a_file_is_an_error() {
    let folder = tempfile::tempdir().expect("there is room");
    let texts = Arc::new(Texts { file: folder.path().into(), given: Mutex::default() });
    let mut watched = Watched::new(Arc::clone(&texts) as _);
    for _ in 0..3 {
        watched.poll().await;
    }
    assert_eq!(*texts.given.lock().expect("no panic"), ["unreadable"]);
}
