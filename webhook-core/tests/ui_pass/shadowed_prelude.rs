//! The expansion does not depend on what the names of the prelude or of crates mean in the module.

#![allow(dead_code, non_snake_case, non_camel_case_types, reason = "the names are there to be in the way")]

mod shop {
    use ::webhook_core::{Event, State, on_event};

    struct Option;
    struct Box;
    struct Vec;
    struct String;
    struct str;
    struct bool;
    struct Registration;
    struct Subscription;
    struct Duration;
    enum Result {}
    trait Send {}
    trait Sync {}
    trait Fn {}
    trait From {}
    trait Into {}
    trait Future {}
    fn Ok() {}
    fn Err() {}
    fn Some() {}
    fn None() {}
    fn drop() {}
    mod core {}
    mod std {}
    mod webhook_core {}
    mod inventory {}

    #[allow(unused_macros, reason = "it is there to be in the way")]
    macro_rules! concat {
        ($($t:tt)*) => {
            compile_error!("shadowed")
        };
    }
    #[allow(unused_macros, reason = "it is there to be in the way")]
    macro_rules! stringify {
        ($($t:tt)*) => {
            compile_error!("shadowed")
        };
    }
    #[allow(unused_macros, reason = "it is there to be in the way")]
    macro_rules! file {
        ($($t:tt)*) => {
            compile_error!("shadowed")
        };
    }

    #[on_event("payment_intent.succeeded", timeout = "30s")]
    async fn paid(_event: Event, _count: State<u32>) {}

    #[on_event("invoice.paid")]
    async fn paid_too(_event: Event) -> ::core::result::Result<(), ::std::io::Error> {
        ::core::result::Result::Ok(())
    }
}

fn main() {
    assert_eq!(webhook_core::Registry::linked().registrations().len(), 2);
}
