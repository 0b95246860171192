//! What is remembered of restore drills: of the database and of the file system, each by itself.
//!
//! ```text
//! drills/database/<when>.json
//! drills/files/<when>.json
//! drills/lease.json
//! ```

use super::{Record, RecordError, canonical};
use crate::model::drill::{Drill, Last, Outcome, Part};

/// What to do about a note that cannot be read.
const HINT: &str = "It says when a restore was last tried; without it, try one: `reeve drill DIR`";

impl Record {
    /// Remembers a drill, however it ended.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn note_restore_drill(&self, drill: &Drill) -> Result<(), RecordError> {
        self.note(&folder(drill.part), drill.at, canonical(drill)?).await
    }

    /// The last drill of a part, and the last one that found everything whole.
    ///
    /// # Errors
    /// What the store answered.
    pub async fn last_restore_drill(&self, part: Part) -> Result<Last, RecordError> {
        let mut found = Last::default();
        // Keys come in the order of their times.
        for key in self.store().list(&folder(part), None).await?.iter().rev() {
            let Some(drill) = self.noted::<Drill>(key, HINT).await? else { continue };
            let whole = drill.outcome == Outcome::Whole;
            found.whole = whole.then(|| drill.clone());
            found.last.get_or_insert(drill);
            if whole {
                break;
            }
        }
        Ok(found)
    }
}

fn folder(part: Part) -> String {
    format!("drills/{part}/")
}
