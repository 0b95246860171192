//! The regions of AWS and the letters of their zones, so that a mistyped one is found before any call.
//!
//! Sources: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html> and the page on Availability Zones beside it;
//! held against the endpoints of the AWS SDK for Python (botocore 1.44.5) as of [`AS_OF`]: the partitions `aws` and `aws-us-gov`. China, the
//! European Sovereign Cloud and the isolated partitions are worlds of their own and not looked after here.
//!
//! The list is not closed: AWS opens a region or two a year, and an older program must not bar people from it. A name that is built like a
//! region's (an area, a direction, a number) and is not here is a warning (`docs/decisions/0006-unknown-regions.md`).

/// When the list was written down.
pub const AS_OF: &str = "November 2026";

/// The areas of the partitions above, as AWS's endpoint rules spell them.
const AREAS: &[&str] = &["us", "us-gov", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"];
/// Where in its area a region lies.
const DIRECTIONS: &[&str] = &["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"];

const REGIONS: &[(&str, &str)] = &[
    ("af-south-1", "abc"),
    ("ap-east-1", "abc"),
    ("ap-east-2", "abc"),
    ("ap-northeast-1", "acd"),
    ("ap-northeast-2", "abcd"),
    ("ap-northeast-3", "abc"),
    ("ap-south-1", "abc"),
    ("ap-south-2", "abc"),
    ("ap-southeast-1", "abc"),
    ("ap-southeast-2", "abc"),
    ("ap-southeast-3", "abc"),
    ("ap-southeast-4", "abc"),
    ("ap-southeast-5", "abc"),
    ("ap-southeast-6", "abc"),
    ("ap-southeast-7", "abc"),
    ("ca-central-1", "abd"),
    ("ca-west-1", "abc"),
    ("eu-central-1", "abc"),
    ("eu-central-2", "abc"),
    ("eu-north-1", "abc"),
    ("eu-south-1", "abc"),
    ("eu-south-2", "abc"),
    ("eu-west-1", "abc"),
    ("eu-west-2", "abc"),
    ("eu-west-3", "abc"),
    ("il-central-1", "abc"),
    ("me-central-1", "abc"),
    ("me-south-1", "abc"),
    ("mx-central-1", "abc"),
    ("sa-east-1", "abc"),
    ("us-east-1", "abcdef"),
    ("us-east-2", "abc"),
    ("us-gov-east-1", "abc"),
    ("us-gov-west-1", "abc"),
    ("us-west-1", "abc"),
    ("us-west-2", "abcd"),
];

/// The names of all regions.
pub static NAMES: std::sync::LazyLock<Vec<&'static str>> = std::sync::LazyLock::new(|| REGIONS.iter().map(|(name, _)| *name).collect());

/// Whether the list has it.
pub fn is_known(region: &str) -> bool {
    NAMES.contains(&region)
}

/// Whether a region could have that name: `eu-west-9`, but not `eu-wset-1`.
pub fn is_likely(region: &str) -> bool {
    let mut parts = region.rsplitn(3, '-');
    let (number, direction, area) = (parts.next(), parts.next(), parts.next());
    number.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit() && b != b'0'))
        && direction.is_some_and(|direction| DIRECTIONS.contains(&direction))
        && area.is_some_and(|area| AREAS.contains(&area))
}

/// The letters of a region's zones; none for a region that is not in the list: the modules then check none.
pub fn zones(region: &str) -> Vec<String> {
    let letters = REGIONS.iter().find(|(name, _)| *name == region).map_or("", |(_, letters)| letters);
    letters.chars().map(String::from).collect()
}
