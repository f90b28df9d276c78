//! Every mistake that a handler's author can make is reported on its own token, in our words; and what is no mistake
//! compiles, in whatever surroundings.
//!
//! `TRYBUILD=overwrite cargo test -p webhook-core --test ui` takes the compiler's present words as expected; read
//! the difference before you commit it.

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
