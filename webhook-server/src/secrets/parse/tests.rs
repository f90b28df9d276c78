//! What becomes of a text, and what is said of it.

use super::*;

fn parsed(text: &str) -> Result<Vec<String>, Problems> {
    let (mut read, mut problems) = (SigningSecrets::default(), Problems::default());
    parse(("x", Medium::Variable), text, &mut read, &mut problems);
    assert_eq!(read.secrets.len(), read.names.len());
    problems.none_or(read.names.iter().map(|name| name.label.to_string()).collect())
}

#[test]
fn several_secrets_are_separated_by_commas_or_line_breaks() {
    let three = "whsec_0123456789abcdef,whsec_0123456789abcdeg\nwhsec_0123456789abcdeh";
    assert_eq!(parsed(three).expect("three secrets").len(), 3);
}

#[test]
fn a_secret_has_a_label() {
    // The digits are those of `printf whsec_0123456789abcdef | sha256sum`.
    for (text, labels) in [
        ("whsec_0123456789abcdef", &["b75b1473"][..]),
        ("new whsec_0123456789abcdef", &["new"]),
        ("new whsec_0123456789abcdef,2026-11 whsec_0123456789abcdeg", &["new", "2026-11"]),
    ] {
        assert_eq!(parsed(text).expect(text), labels, "{text}");
    }
    for (text, problem) in [
        ("a whsec_0123456789abcdef,a whsec_0123456789abcdeg", "an earlier one has the label `a`, too"),
        ("a whsec_0123456789abcdef,b whsec_0123456789abcdef", "the same as an earlier one"),
        ("whsec_0123456789abcdef whsec_0123456789abcdeg", "x: "),
        ("Big whsec_0123456789abcdef", "x: "),
    ] {
        let problems = parsed(text).expect_err(text).to_string();
        assert!(problems.contains(problem), "{text}: {problems}");
        assert!(!problems.contains("0123456789abcde"), "{problems}");
    }
}

/// The random part of a secret.
const RANDOM: &str = "Do8Not9Show7This0123456789";

#[test]
fn each_mistake_has_its_message() {
    let secret = format!("whsec_{RANDOM}");
    let nine = (0..9).map(|number| format!("{secret}{number}")).collect::<Vec<_>>().join(",");
    let quoted = "it is in quotes";
    let placeholder = "it is a placeholder";
    let reference = "it is a reference";
    let api_key = "it is an API key, which does not sign events";
    let key_of_anyone = "roll it in the Dashboard";
    let space = "white space";
    let too_short = |text: &str| format!("it has only {} characters", text.len());
    for (text, told) in [
        (String::new(), "it is empty".replace("it", "the secret")),
        (" \t".into(), "the secret is blank".into()),
        ("\u{a0}".into(), "the secret is blank".into()),
        (format!(" {secret}"), space.into()),
        (format!("{secret} "), space.into()),
        (format!("{secret}\r"), space.into()),
        (format!("{secret},"), "x, secret 2: it is empty".into()),
        (format!(",{secret}"), "x, secret 1: it is empty".into()),
        (format!("{secret}\n\n"), "x, secret 3: it is empty".into()),
        (format!("\u{feff}{secret}"), "byte order mark".into()),
        (format!("\"{secret}\""), quoted.into()),
        (format!(" '{secret}' "), quoted.into()),
        (format!("\"{secret},{secret}1\""), quoted.into()),
        (format!("{secret}\""), quoted.into()),
        (format!("“{secret}"), quoted.into()),
        (format!("{secret}\",{secret}1"), format!("x, secret 1: {quoted}")),
        (format!("\"{secret},{secret}1"), format!("x, secret 1: {quoted}")),
        (format!("{secret},{secret}1\""), format!("x, secret 2: {quoted}")),
        (format!("KEY={secret}"), "it begins with a name".into()),
        (format!("key: {secret}"), "it begins with a name".into()),
        ("<signing secret>".into(), placeholder.into()),
        ("whsec_...".into(), placeholder.into()),
        ("whsec_…".into(), placeholder.into()),
        ("whsec_***".into(), "while it was masked".into()),
        ("whsec_•••".into(), "while it was masked".into()),
        ("${SECRET}".into(), reference.into()),
        ("%SECRET%".into(), reference.into()),
        ("{{ secret }}".into(), reference.into()),
        (format!("[\"{secret}\"]"), "it is JSON".into()),
        (format!(" {{\"a\":\"{secret}\"}}"), "it is JSON".into()),
        (format!("{secret} {secret}"), "it contains a space: separate several secrets".into()),
        (format!("{secret} new"), "a label is before its secret".into()),
        (format!("new {secret} old {secret}1"), "it contains a space".into()),
        (format!("new: {secret}"), "a label has one space behind it, and nothing else".into()),
        (format!("New {secret}"), "a label has 1 to 32 small letters".into()),
        (format!("{} {secret}", "a".repeat(33)), "a word that is not a label".into()),
        (format!("sk_live_{RANDOM}"), key_of_anyone.into()),
        (format!("rk_test_{RANDOM}"), key_of_anyone.into()),
        (format!("pk_live_{RANDOM}"), api_key.into()),
        (format!("we_{RANDOM}"), "it is the endpoint's id".into()),
        (format!("wh_{RANDOM}"), "it is the endpoint's id".into()),
        (format!("evt_{RANDOM}"), "it is an id".into()),
        (format!("acct_{RANDOM}"), "it is an id".into()),
        (format!("d2hzZWNf{RANDOM}"), "encoded as base64".into()),
        ("op://vault/stripe/secret".into(), "the address of a secret".into()),
        ("arn:aws:secretsmanager".into(), "the address of a secret".into()),
        (format!("{secret}{secret}"), "several secrets in one".into()),
        (format!("WHSEC_{RANDOM}"), "in capitals".into()),
        (RANDOM.into(), "it does not begin with `whsec_`".into()),
        (format!("{secret}%"), "ends with `%`".into()),
        (format!("{secret};"), "punctuation mark".into()),
        (format!("{secret}\\"), "punctuation mark".into()),
        (format!("{secret}\\n"), "the two characters `\\n`".into()),
        (format!("whsec_{RANDOM}!"), "its character 33 is invalid".into()),
        ("whsec_!".into(), "its character 7 is invalid".into()),
        (format!("whsec_xxxxxx{RANDOM}"), placeholder.into()),
        ("whsec_your_signing_secret".into(), placeholder.into()),
        ("whsec_REPLACE-ME-SOON".into(), placeholder.into()),
        ("whsec_xxxx".into(), placeholder.into()),
        ("whsec_XX".into(), placeholder.into()),
        ("whsec_x".into(), too_short("whsec_x")),
        ("whsec_abcdefghi".into(), too_short("whsec_abcdefghi")),
        (format!("{secret}\n{secret}"), "x, secret 2: it is the same".into()),
        (nine, "x contains 9 secrets; the maximum is 8".into()),
    ] {
        let problems = parsed(&text).expect_err(&text).to_string();
        assert!(problems.contains(&told), "{text:?}: {problems}");
        assert!(!problems.contains(RANDOM) && !problems.contains("0123456"), "{text:?}: {problems}");
        let is_for_all = told == api_key;
        assert!(!is_for_all || !problems.contains(key_of_anyone), "a publishable key is public: {problems}");
    }
}

#[test]
fn what_only_looks_odd_is_a_secret() {
    for text in [
        "whsec_abcdefghij",
        "whsec_0123456789+/=_-abcDEF",
        "whsec_aaaaabbbbbccccc",
        // The words of placeholders may turn up in random text, between digits.
        "whsec_4here0todo7example",
        "whsec_xabcdefghij",
        "whsec_0123456789abcdef=",
    ] {
        assert_eq!(parsed(text).map(|labels| labels.len()).expect(text), 1, "{text}");
    }
    let eight = (0..8).map(|number| format!("whsec_{RANDOM}{number}")).collect::<Vec<_>>().join("\n");
    assert_eq!(parsed(&eight).map(|labels| labels.len()).expect("eight are allowed"), 8);
}

#[test]
fn a_label_is_a_short_word() {
    let secret = format!("whsec_{RANDOM}");
    for (label, is_label) in [
        ("a", true),
        ("2026-11_b.c", true),
        (&*"l".repeat(32), true),
        (&*"l".repeat(33), false),
        ("", false),
        ("Old", false),
        ("a=b", false),
        ("sk_live_0", false),
        ("whsec_0", false),
        ("é", false),
    ] {
        let labels = parsed(&format!("{label} {secret}"));
        assert_eq!(labels.is_ok(), is_label, "{label}: {labels:?}");
        assert!(!is_label || labels.is_ok_and(|labels| labels == [label]), "{label}");
    }
}
