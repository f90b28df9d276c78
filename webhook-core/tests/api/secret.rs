//! What can be a secret, and how it affects a signature.

use webhook_core::SecretError::{self, Blank, Empty, NotVisibleAscii, SurroundingWhitespace};
use webhook_core::{Secret, sign};

use crate::support::{NOW, secret, v1};

#[test]
fn text_that_no_secret_is_made_of_is_refused() {
    let rows: [(&str, &str, SecretError); 21] = [
        ("empty", "", Empty),
        ("one blank", " ", Blank),
        ("ASCII blanks only", " \t\r\n", Blank),
        ("no-break spaces only", "\u{a0}\u{a0}", Blank),
        ("ideographic spaces only", "\u{3000}", Blank),
        ("line feed behind, as from `echo secret > file`", "whsec_x\n", SurroundingWhitespace),
        ("CRLF behind, as from a file of Windows", "whsec_x\r\n", SurroundingWhitespace),
        ("space behind, as from an .env line", "whsec_x ", SurroundingWhitespace),
        ("space in front", " whsec_x", SurroundingWhitespace),
        ("tab in front", "\twhsec_x", SurroundingWhitespace),
        ("no-break space behind, as from a web page", "whsec_x\u{a0}", SurroundingWhitespace),
        ("vertical tab behind", "whsec_x\u{b}", SurroundingWhitespace),
        ("space inside", "whsec_a b", NotVisibleAscii { at: 7 }),
        ("two lines", "whsec_a\nwhsec_b", NotVisibleAscii { at: 7 }),
        ("NUL behind", "whsec_x\0", NotVisibleAscii { at: 7 }),
        ("delete", "whsec_x\u{7f}", NotVisibleAscii { at: 7 }),
        ("byte order mark in front", "\u{feff}whsec_x", NotVisibleAscii { at: 0 }),
        ("zero-width space behind", "whsec_x\u{200b}", NotVisibleAscii { at: 7 }),
        ("typographic quotes", "“whsec_x”", NotVisibleAscii { at: 0 }),
        ("letter beyond ASCII", "whsec_é", NotVisibleAscii { at: 6 }),
        ("Cyrillic look-alike", "whsec_\u{430}", NotVisibleAscii { at: 6 }),
    ];
    for (name, text, expected) in rows {
        assert_eq!(Secret::new(text).unwrap_err(), expected, "{name}");
    }
}

#[test]
fn each_refusal_says_what_to_look_for() {
    for (text, expected) in [
        ("", "the secret is empty"),
        (" ", "the secret is blank: it is only white space"),
        (
            "whsec_x\n",
            "the secret begins or ends with white space, often a line break from a file or an .env line: \
             every signature would mismatch, so remove it",
        ),
        (
            "whsec_\u{e9}",
            "the secret contains something other than visible ASCII at byte 6: was it copied whole, without quotes?",
        ),
    ] {
        assert_eq!(Secret::new(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_key_is_the_whole_text() {
    let of = |length: usize| format!("whsec_{}", "k".repeat(length - 6));
    for (name, text) in [
        ("with its prefix", "whsec_test_secret".to_owned()),
        ("base64 that Svix would decode", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned()),
        ("without the prefix", "test_secret".to_owned()),
        ("one block of SHA-256 less one byte", of(63)),
        ("one block", of(64)),
        ("one block and a byte, which RFC 2104 hashes first", of(65)),
        ("10,000 bytes", of(10_000)),
    ] {
        let expected = format!("t={NOW},v1={}", v1(&text, &NOW.to_string(), b"{}"));
        assert_eq!(sign(&[secret(&text)], NOW, b"{}"), expected, "{name}");
    }
    let prefixed = sign(&[secret("whsec_abc")], NOW, b"{}");
    assert_ne!(prefixed, sign(&[secret("abc")], NOW, b"{}"), "the prefix is part of the key");
}

#[test]
fn a_clone_signs_alike_and_signing_changes_nothing() {
    let original = secret("whsec_x");
    let first = sign(std::slice::from_ref(&original), NOW, b"one");
    assert_eq!(sign(&[original.clone(), original.clone()], NOW, b"one").matches(&first[13..]).count(), 2);
    assert_eq!(sign(&[original], NOW, b"one"), first);
}

#[test]
fn sign_writes_one_v1_for_each_secret_in_their_order() {
    let (old, new) = ("whsec_old", "whsec_new");
    let expected = format!("t=5,v1={},v1={}", v1(old, "5", b"x"), v1(new, "5", b"x"));
    assert_eq!(sign(&[secret(old), secret(new)], 5, b"x"), expected);
    assert_eq!(sign(&[], 5, b"x"), "t=5");
}

#[test]
fn a_secret_shows_nothing_of_itself() {
    assert_eq!(format!("{:?}", secret("whsec_x")), "Secret(redacted)");
}
