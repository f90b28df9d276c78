//! The password of a database and the token of a URL, where others can read them.

use std::ffi::OsStr;

use super::origin::Origin;
use super::sources::Given;
use crate::alerts::AlertUrl;
use crate::store::InboxLocation;

/// Says that a password or a token was given on the command line or in a configuration file, which contain no secrets.
pub(super) fn misplaced(given: &Given) -> Option<String> {
    let (has, what) = held(given.setting.field, &given.text)?;
    let (where_it_is, then) = match &given.origin {
        Origin::Flag(_) => (
            "on the command line, which every user of this machine can see",
            format!("; others may have seen this {what}, so change it"),
        ),
        Origin::File { .. } => ("in a configuration file, which contains no secrets", String::new()),
        Origin::Default | Origin::Program | Origin::Variable(_) => return None,
    };
    let (subject, variable) = (given.origin.subject(&given.setting.name()), given.setting.variable());
    Some(format!("{subject} {has} {where_it_is}\nset {variable} to the URL instead{then}"))
}

/// What is secret in the value of a setting: what it has, and in a word.
fn held(field: &str, text: &OsStr) -> Option<(&'static str, &'static str)> {
    match field {
        "inbox" => InboxLocation::of(text).has_password().then_some(("has a password", "password")),
        "alert_url" => {
            let has_secret = AlertUrl::from(&*text.to_string_lossy()).has_secret();
            has_secret.then_some(("may hold a token", "URL"))
        }
        _ => None,
    }
}
