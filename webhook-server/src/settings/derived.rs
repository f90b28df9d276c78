//! What other parts of the program ask of the settings.

use std::time::Duration;

use super::{Origins, Setting, Settings};
use crate::problems::Problems;
use crate::store::{Opening, Retention};

/// How long a server may take from the end of a drain to the end of its process, to cancel runs and to write the log.
const AFTER_DRAIN: Duration = Duration::from_secs(5);

impl Settings {
    /// How a server opens the inbox. It waits for another server that is stopping, as long as a shutdown may take.
    pub(crate) fn opening(&self) -> Opening {
        Opening {
            disk_floor: self.disk_floor,
            on_network_disk: self.inbox_on_network_disk,
            patience: self.drain_timeout + AFTER_DRAIN,
            schema: self.inbox_schema.clone(),
            migrates: self.inbox_migrate,
            connections: self.inbox_connections,
            lease: self.inbox_lease,
            missing_handler: self.inbox_missing_handler,
            serves: true,
            slots: self.concurrency,
        }
    }

    /// How long the inbox keeps what is in it.
    pub(crate) fn retention(&self) -> Retention {
        Retention { bodies: self.keep_bodies, ids: self.keep_ids, parked: self.keep_parked }
    }

    /// Notes every setting that is out of range.
    pub(crate) fn check(&self, origins: &Origins, problems: &mut Problems) {
        self.check_those(|_| true, origins, problems);
    }

    /// Notes every setting of some that is out of range.
    pub(crate) fn check_those(
        &self,
        is_one: impl Fn(&Setting) -> bool,
        origins: &Origins,
        problems: &mut Problems,
    ) {
        for setting in Self::TABLE.iter().filter(|setting| is_one(setting)) {
            if let Err(allowed) = setting.check(self, origins) {
                problems.add(allowed);
            }
        }
    }
}
