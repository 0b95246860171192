//! The loop: desired and live are compared again and again, and what may be done without asking is done.
//!
//! Level-triggered: each pass plans from what is. A pass begins after `reconcile.every`, sooner when the YAML or Docker says that something changed, or on SIGHUP.
//! One of several instances does so, who holds the leader's lease; the lease of the stack is held only while something is applied.
