//! The name of the bucket that holds a stack's record. Hosts' rights name it before anybody made it, so it follows from names alone.

use sha2::{Digest, Sha256};

/// S3's limit for a bucket's name.
const LONGEST: usize = 63;
/// `reeve-`, an account's twelve digits and a hyphen.
const FRONT: usize = 19;

/// `reeve-<account>-<region>-<stack>`. A stack's name that is too long for S3's 63 characters is cut and given a hash.
#[must_use]
pub fn name(account: &str, region: &str, stack: &str) -> String {
    format!("reeve-{account}-{}", tail(region, stack))
}

/// What stands behind the account: all that is known before anybody asked AWS which one it is.
#[must_use]
pub fn tail(region: &str, stack: &str) -> String {
    let whole = format!("{region}-{stack}");
    if FRONT + whole.len() <= LONGEST {
        return whole;
    }
    let hash: String = Sha256::digest(stack.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let cut: String = whole.chars().take(LONGEST - FRONT - 9).collect();
    format!("{}-{hash}", cut.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_it_is_and_fits() {
        assert_eq!(name("123456789012", "eu-west-1", "hostedehr"), "reeve-123456789012-eu-west-1-hostedehr");
        let long = |stack| name("123456789012", "ap-southeast-1", stack);
        let (one, other) = (long("a-stack-with-quite-a-long-name-one"), long("a-stack-with-quite-a-long-name-two"));
        assert!(one.len() <= LONGEST && one != other, "{one} {other}");
        // As it was named when reeve 0.1 made it: a record must not be looked for under another name.
        assert_eq!(one, "reeve-123456789012-ap-southeast-1-a-stack-with-quite-a-e431d086");
    }
}
