//! The form that asks for the token.

use askama::Template;

use super::Frame;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    was_wrong: bool,
}

/// A page that leads to another one by itself: the browser then comes from a page of ours.
#[derive(Template)]
#[template(path = "go_on.html")]
struct GoOn<'p> {
    frame: Frame,
    to: &'p str,
}

/// Leads to a page of ours.
pub(in crate::admin) fn go_on(base: &str, to: &str) -> String {
    GoOn { frame: bare(base), to }.render().unwrap_or_default()
}

/// Shows the form. `was_wrong` says that a wrong token was just given.
pub(in crate::admin) fn login(base: &str, was_wrong: bool) -> String {
    Login { frame: bare(base), was_wrong }.render().unwrap_or_default()
}

/// What surrounds a page for who may be anybody.
fn bare(base: &str) -> Frame {
    Frame {
        base: base.to_owned(),
        here: "",
        is_read_only: true,
        has_token: false,
        has_playground: false,
        said: None,
    }
}
