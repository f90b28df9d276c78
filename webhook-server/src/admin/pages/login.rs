//! The form that asks for the token.

use askama::Template;

use super::Frame;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    was_wrong: bool,
}

/// Shows the form. `was_wrong` says that a wrong token was just given.
pub(in crate::admin) fn login(base: &str, was_wrong: bool) -> String {
    let frame = Frame { base: base.to_owned(), here: "", is_read_only: true, said: None };
    Login { frame, was_wrong }.render().unwrap_or_default()
}
