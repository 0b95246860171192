//! Random texts, from the kernel.

use std::fs::File;
use std::io::Read;

/// So many random bytes, as hexadecimal digits.
///
/// # Errors
/// When `/dev/urandom` cannot be read.
pub fn hex(bytes: usize) -> Result<String, String> {
    let mut buffer = vec![0; bytes];
    File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut buffer)).map_err(|e| format!("/dev/urandom: {e}"))?;
    Ok(buffer.iter().map(|b| format!("{b:02x}")).collect())
}
