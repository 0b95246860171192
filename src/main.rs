//! The thin binary: parse, call one command, exit.

use std::process::ExitCode;

/// A pass of `reeve run` over a large estate needs much memory for a moment, from many threads. Of what a pass leaves, this allocator keeps half of what the C library's or
/// mimalloc do (of one program with 1,000 tenants at rest, once each: 50 MB, 105 and 122); its settings are in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(reeve::cli::run(std::env::args_os().collect()));
    // A question that nobody answered may still be read from the terminal: it is not waited for.
    runtime.shutdown_background();
    ExitCode::from(code)
}
