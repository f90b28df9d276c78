//! A handler can be in a function and in nested modules; its id is its path.

#![deny(warnings)]

use webhook_core::{Event, Registry, on_event};

mod shop {
    pub mod payments {
        use webhook_core::{Event, on_event};

        #[derive(Clone)]
        struct Ours;

        #[on_event("payment_intent.succeeded")]
        async fn paid(_event: Event, _ours: webhook_core::State<Ours>) {}

        #[on_event("charge.succeeded")]
        pub(super) async fn charged(_event: Event) {}
    }
}

fn main() {
    struct Local;
    impl std::str::FromStr for Local {
        type Err = std::convert::Infallible;
        fn from_str(_: &str) -> Result<Self, Self::Err> {
            Ok(Self)
        }
    }

    #[on_event("invoice.paid")]
    async fn in_function(_event: Event) {}

    let block = {
        #[on_event("invoice.voided")]
        async fn in_block(_event: Event) {}
        "".parse::<Local>()
    };
    assert!(block.is_ok());

    let registry = Registry::linked();
    let ids: Vec<_> = registry.registrations().iter().map(|registration| registration.id).collect();
    let root = module_path!();
    let expected = ["in_block", "in_function", "shop::payments::charged", "shop::payments::paid"];
    assert_eq!(ids, expected.map(|id| format!("{root}::{id}")));
}
