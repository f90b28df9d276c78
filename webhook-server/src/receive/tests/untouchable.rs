//! A store that must not be used: every operation panics.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::{
    Backlog, CameBy, Capacity, ClaimResult, Disposition, EventRow, Filter, FinishResult, HandlerId,
    Heartbeat, Lease, NewEvent, NewTask, Pruned, QuarantineRow, Quarantined, RecordResult, Recovered,
    Replayed, Retention, Stats, Store, StoreFuture, StoredEvent, TaskRow, Ticket,
};

#[derive(Debug)]
pub(crate) struct Untouchable;

/// An operation that nothing may call.
macro_rules! untouchable {
    ($($operation:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $operation(&self, $(_: $argument),*) -> StoreFuture<'_, $result> {
            panic!(concat!("the store was asked to ", stringify!($operation)))
        })*
    };
}

impl Store for Untouchable {
    fn lease(&self) -> Option<Lease> {
        panic!("the store was asked for its lease")
    }

    untouchable! {
        recover(Arc<[HandlerId]>) -> Recovered;
        heartbeat() -> Heartbeat;
        leave() -> ();
        note_secrets(Vec<CameBy>) -> ();
        record(NewEvent) -> RecordResult;
        quarantine(Bytes, String, CameBy) -> bool;
        claim(Capacity) -> ClaimResult;
        finish(Ticket, Disposition) -> FinishResult;
        clear_suspect(Ticket) -> ();
        prune(Retention, i64) -> Pruned;
        tasks(Filter) -> Vec<TaskRow>;
        events(Filter) -> Vec<EventRow>;
        events_with_id(String) -> Vec<StoredEvent>;
        quarantined(usize) -> Vec<QuarantineRow>;
        quarantined_with_id(i64) -> Option<Quarantined>;
        stats() -> Stats;
        backlog() -> Backlog;
        retry(i64, Arc<[HandlerId]>) -> bool;
        skip(i64, String) -> bool;
        replay(i64, Vec<NewTask>) -> Replayed;
    }
}
