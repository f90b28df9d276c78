mod views {
    #![allow(dead_code, non_camel_case_types)]

    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Box;
    pub(crate) struct Vec;
    pub(crate) struct str;
    pub(crate) struct bool;
    pub(crate) struct i64;
    pub(crate) mod __private_of_ours {}
    pub(crate) mod private {}
    pub(crate) fn find() {}

    type Text = ::std::string::String;
    pub(crate) struct String;

    #[derive(::webhook_core::StripeObject)]
    #[stripe(object = "payment_intent")]
    pub(crate) struct Paid {
        pub(crate) id: Text,
        pub(crate) description: ::std::option::Option<Text>,
        pub(crate) status: Status,
    }

    #[derive(::webhook_core::StripeEnum)]
    #[stripe(object = "payment_intent", at = "status")]
    pub(crate) enum Status {
        Succeeded,
        Other(::std::string::String),
    }

    ::webhook_core::objects! {
        pub(crate) mod stripe { payout }
    }
}

fn main() {
    let event = webhook_core::Sample::new("payment_intent.succeeded", 1).unwrap().event::<views::Paid>().unwrap();
    assert!(event.object.id.starts_with("pi_") && event.object.description.is_none());
    assert!(matches!(event.object.status, views::Status::Succeeded));
    let event = webhook_core::Sample::new("payout.paid", 1).unwrap().event::<views::stripe::Payout>().unwrap();
    assert_eq!(event.object.amount, 2000);
}
