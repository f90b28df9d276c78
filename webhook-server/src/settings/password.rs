//! The password of a database, where others can read it.

use super::origin::Origin;
use super::sources::Given;
use crate::store::InboxLocation;

/// Says that a password was given on the command line or in a configuration file, which contain no secrets.
pub(super) fn misplaced(given: &Given) -> Option<String> {
    if given.setting.field != "inbox" || !InboxLocation::of(&given.text).has_password() {
        return None;
    }
    let (where_it_is, then) = match &given.origin {
        Origin::Flag(_) => (
            "on the command line, which every user of this machine can see",
            "; others may have seen this password, so change it",
        ),
        Origin::File { .. } => ("in a configuration file, which contains no secrets", ""),
        Origin::Default | Origin::Program | Origin::Variable(_) => return None,
    };
    let (subject, variable) = (given.origin.subject(&given.setting.name()), given.setting.variable());
    Some(format!("{subject} has a password {where_it_is}\nset {variable} to the URL instead{then}"))
}
