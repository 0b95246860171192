//! Tenants wake when somebody comes and sleep when nobody does.
//!
//! HAProxy answers for a tenant that runs, and for one that does not it asks the *waker*, an HTTP server on the loopback of each host (`server.rs`). Who may wake, what
//! is a person and what is a program, is decided from the request alone (`asked.rs`), and what each is told is text (`page.rs`).
//!
//! What is wanted stands on the services themselves, in a label, so that it outlives reeve, and every host tells the same place in the queue: nothing is
//! remembered that could be read. One of all instances, the *leader*, starts and stops; the others want and answer.

pub mod asked;
pub mod book;
mod events;
mod hosts;
mod lead;
pub mod looked;
pub mod metrics;
mod notes;
pub mod orders;
pub mod page;
pub mod policy;
mod routes;
pub mod shown;
mod swarm;
mod task;
#[cfg(test)]
mod turns;
mod waker;

pub use book::{Book, Entry, Rules};
pub use looked::Looked;
pub use orders::Orders;
pub use task::{Pace, Parts, Said, run};
