//! What people are told while nobody watches: drift found, mended, held, failed, recovered; each once, to a webhook and to SNS.
//!
//! What was told already is a ledger (`ledger.rs`, pure) that lies in the record, so that a new leader does not tell it again. What could not be delivered lies there too and is
//! sent again; a crash between sending and writing that down tells a thing twice, never not at all (`post.rs`).

mod ledger;
mod notice;
mod post;

pub use ledger::{Ledger, Seen};
pub use notice::{Kind, Notice, text};
pub use post::{CHANNELS, Channels, Post};
