//! Handlers that another macro generates.

#![deny(warnings)]

use webhook_core::{Event, Registry, State, on_event};

macro_rules! handlers {
    ($($event:literal => $name:ident($argument:ty) -> $returned:ty $body:block)*) => { $(
        #[on_event($event, id = $event, timeout = "3s")]
        async fn $name(argument: $argument) -> $returned {
            let _ = argument;
            $body
        }
    )* };
}

macro_rules! whole {
    ($function:item) => {
        $function
    };
}

macro_rules! by_expression {
    ($event:expr, $root:path) => {
        mod by_expression {
            #[webhook_core::on_event($event, crate = $root)]
            async fn paid(event: webhook_core::Event) {
                drop(event);
            }
        }
    };
}

handlers! {
    "payment_intent.succeeded" => paid(Event) -> () {}
    "charge.dispute.created" => disputed(State<u32>) -> Result<(), std::fmt::Error> { Ok(()) }
}

whole! {
    #[on_event("invoice.paid")]
    async fn invoiced(_event: Event) {}
}

by_expression!("invoice.voided", ::webhook_core);

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 4);
}
