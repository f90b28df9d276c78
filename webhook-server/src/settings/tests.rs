//! Defaults, texts and ranges.

use super::*;
use crate::problems::Problems;

#[test]
fn the_defaults_are_in_range() {
    let mut problems = Problems::default();
    Settings::default().check(&Origins::default(), &mut problems);
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn a_certificate_needs_its_key_and_the_feature() {
    let check = |settings: &Settings| {
        let mut problems = Problems::default();
        settings.check(&Origins::default(), &mut problems);
        problems.to_string()
    };
    let mut settings = Settings { tls_certificate: Some("a.pem".into()), ..Settings::default() };
    let expected = match cfg!(feature = "tls") {
        true => "`Settings::tls_certificate` is \"a.pem\": it must be given together with `tls-key`",
        false => "it must be left out, because this program was built without the feature `tls`",
    };
    assert!(check(&settings).contains(expected), "{}", check(&settings));
    settings.tls_key = Some("b.pem".into());
    assert_eq!(check(&settings).contains("must be"), !cfg!(feature = "tls"), "{}", check(&settings));
}

#[test]
fn a_value_is_read_as_it_is_written() {
    let (defaults, mut read) = (Settings::default(), Settings::default());
    for setting in Settings::TABLE {
        let text = setting.text(&defaults);
        if text.is_empty() {
            // No file. A text always names one.
            setting.read(&mut read, text.as_ref(), &Origin::Program).expect_err("it names nothing");
            continue;
        }
        setting.read(&mut read, text.as_ref(), &Origin::Program).expect("a default can be read");
    }
    assert_eq!(format!("{read:?}"), format!("{defaults:?}"));
}
