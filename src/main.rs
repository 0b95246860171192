//! The thin binary: parse, call one command, exit.

use std::process::ExitCode;

/// A pass of `reeve run` over a large estate needs much memory for a moment, from many threads. The C library's allocator keeps it for the next one; this one gives it
/// back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
