//! Every mistake of a handler's author is reported on its own token, with our message, and correct code compiles in any
//! surroundings.
//!
//! `TRYBUILD=overwrite cargo test -p webhook-core --test ui` accepts the compiler's present messages; read the difference
//! before you commit it.

#[test]
fn mistakes_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Each program is also run: it asserts what it registered.
#[test]
fn everything_else_compiles() {
    trybuild::TestCases::new().pass("tests/ui_pass/*.rs");
}

#[test]
fn what_stripe_does_not_send_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui_views/*.rs");
}
