//! The protocol, scenario by scenario.

/// Makes a test of every scenario for every store.
macro_rules! on_every_store {
    ($($scene:ident,)*) => {
        mod in_model {
            $(#[test] fn $scene() { super::$scene(super::World::<super::InModel>::new()); })*
        }

        mod in_memory {
            $(#[test] fn $scene() { super::$scene(super::World::<super::InMemory>::new()); })*
        }

        #[cfg(feature = "postgres")]
        mod in_postgres {
            $(#[test] fn $scene() { super::$scene(super::World::<super::InPostgres>::new()); })*
        }

        mod on_disk {
            $(#[test] fn $scene() { super::$scene(super::World::<super::OnDisk>::new()); })*
        }
    };
}

mod endpoints;
mod lanes;
mod operator;
mod record;
mod retention;
mod runs;
mod suspects;
mod twins;
