//! The kind of HAProxy's configuration, with the real HAProxy.

mod answers;
mod complaints;
mod life;
mod routes;
mod support;
mod text;
