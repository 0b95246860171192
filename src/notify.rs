//! What people are told while nobody watches: drift found, mended, held, failed, recovered; each once, to a webhook and to SNS.
//!
//! What was told already is a ledger (`ledger.rs`, pure) that lies in the record, so that a new leader does not tell it again.
