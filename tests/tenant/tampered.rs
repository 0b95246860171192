//! Archives that are not what they say are refused before anything is touched.

use std::fs;
use std::io::Write;
use std::path::Path;

use age::x25519::Identity;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::ground::{CLINIC, Ground};

/// Somebody's archive, whatever is in it, for our own key.
pub fn forged(
    ground: &Ground,
    name: &str,
    fill: impl FnOnce(&mut tar::Builder<GzEncoder<age::stream::StreamWriter<fs::File>>>),
) -> std::path::PathBuf {
    let path = ground.archives.path().join(name);
    let to = ground.identity.to_public();
    let encrypted = age::Encryptor::with_recipients(std::iter::once(&to as &dyn age::Recipient)).expect("a recipient");
    let encrypted = encrypted.wrap_output(fs::File::create(&path).expect("a file")).expect("a header");
    let mut tar = tar::Builder::new(GzEncoder::new(encrypted, Compression::fast()));
    fill(&mut tar);
    tar.into_inner().expect("an end").finish().expect("an end").finish().expect("an end");
    path
}

pub fn add<W: Write>(tar: &mut tar::Builder<W>, name: &str, sort: tar::EntryType, content: &[u8], target: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_entry_type(sort);
    header.set_mode(0o644);
    // As somebody would who means harm: the library itself refuses such names.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    tar.append(&header, content).expect("an entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_that_is_changed_or_missing_is_noticed() {
    let ground = Ground::new("bytes").await;
    ground.tenant("a").await.sql(CLINIC);
    fs::write(ground.data("a").join("file"), "content").expect("a file");
    let made = ground.backup("a").await;
    let good = fs::read(&made.path).expect("an archive");
    ground.check(&made.path).await.expect("whole");
    let bad = ground.archives.path().join("bad");
    for at in [0, 30, 150, 200, good.len() / 3, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&bad, bytes).expect("a file");
        assert!(ground.check(&bad).await.is_err(), "byte {at} of {}", good.len());
    }
    for length in [0, 10, 200, good.len() / 2, good.len() - 20, good.len() - 1] {
        fs::write(&bad, &good[..length]).expect("a file");
        assert!(ground.check(&bad).await.is_err(), "{length} bytes of {}", good.len());
    }
    let other = std::sync::Arc::new(Identity::generate());
    let error = reeve::tenant::restore::Checked::read(&made.path, other, &reeve::tenant::progress::Progress::default()).await;
    assert!(error.is_err(), "another key opens it");
    assert!(ground.check(Path::new("/nowhere/archive")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_reach_out_of_the_tenants_folder_is_refused() {
    let ground = Ground::new("forged").await;
    let manifest = |files: &str| {
        format!(
            r#"{{"format_version":1,"reeve":"0","made_at":"2026-11-30T00:00:00Z","stack":"forged","tenant":"a","database":null,"files":{files}}}"#
        )
    };
    let file = tar::EntryType::Regular;
    let cases: &[(&str, tar::EntryType, &str)] = &[
        ("files/../../../tmp/reeve-evil", file, ""),
        ("files//tmp/reeve-evil", file, ""),
        ("/tmp/reeve-evil", file, ""),
        ("files/none/evil", file, ""),
        ("files/link", tar::EntryType::Symlink, "/etc"),
        ("files/link", tar::EntryType::Symlink, "../../other"),
        ("files/hard", tar::EntryType::Link, "/etc/passwd"),
        ("files/device", tar::EntryType::Char, ""),
        ("database/00000009.sql", file, ""),
        ("elsewhere", file, ""),
    ];
    for (at, (name, sort, target)) in cases.iter().enumerate() {
        let path = forged(&ground, &format!("forged{at}"), |tar| {
            add(tar, name, *sort, b"", target);
            add(tar, "manifest.json", file, manifest("[]").as_bytes(), "");
        });
        let error = ground.check(&path).await.err().unwrap_or_else(|| panic!("{name} -> {target} was taken"));
        assert!(!error.to_string().contains("manifest says"), "{name}: {error}");
    }
    // A file behind a link of the archive's own.
    let path = forged(&ground, "through", |tar| {
        add(tar, "files/real", tar::EntryType::Directory, b"", "");
        add(tar, "files/link", tar::EntryType::Symlink, b"", "real");
        add(tar, "files/link/evil", file, b"", "");
        add(tar, "manifest.json", file, manifest("[]").as_bytes(), "");
    });
    assert!(ground.check(&path).await.is_err());
    // What the manifest does not say, and what it says too much.
    let path = forged(&ground, "more", |tar| {
        add(tar, "files/more", file, b"x", "");
        add(tar, "manifest.json", file, manifest("[]").as_bytes(), "");
    });
    assert!(ground.check(&path).await.expect_err("refused").to_string().contains("more is not in it"));
    // Of a file that shrank while it was read less counts than is there: that much is compared, and the rest is nothing.
    use sha2::{Digest, Sha256};
    let hash: String = Sha256::digest(b"ab").iter().map(|byte| format!("{byte:02x}")).collect();
    let short = format!(r#"[{{"path":"short","sort":"file","size":2,"sha256":"{hash}","mode":420,"uid":0,"gid":0}}]"#);
    for (content, whole) in [(&b"ab"[..], true), (b"ab\0\0", true), (b"ax\0\0", false), (b"abc", false), (b"a", false)] {
        let path = forged(&ground, "short", |tar| {
            add(tar, "files/short", file, content, "");
            add(tar, "manifest.json", file, manifest(&short).as_bytes(), "");
        });
        assert_eq!(ground.check(&path).await.is_ok(), whole, "{content:?}");
    }
    let path = forged(&ground, "late", |tar| {
        add(tar, "manifest.json", file, manifest("[]").as_bytes(), "");
        add(tar, "files/late", file, b"x", "");
    });
    assert!(ground.check(&path).await.is_err());
    assert!(ground.check(&forged(&ground, "empty", |_| {})).await.is_err());
    assert!(!Path::new("/tmp/reeve-evil").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_attacks_reaches_its_own_schema_at_most() {
    use sha2::{Digest, Sha256};
    let ground = Ground::new("attack").await;
    let (a, b) = (ground.tenant("a").await, ground.tenant("b").await);
    b.sql("CREATE TABLE own (a INT); INSERT INTO own VALUES (5)");
    let evil = ground.archives.path().join("evil");
    for (at, sql) in [
        format!("DROP TABLE `{}`.own;\n", b.schema),
        format!("USE `{}`;\nDROP TABLE own;\n", b.schema),
        format!("\\! touch {}\n", evil.display()),
        format!("system touch {}\n", evil.display()),
        "SET GLOBAL max_connections = 1;\n".to_owned(),
        format!("GRANT ALL ON *.* TO '{}'@'%';\n", a.user),
    ]
    .iter()
    .enumerate()
    {
        let hash: String = Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let manifest = format!(
            r#"{{"format_version":1,"reeve":"0","made_at":"2026-11-30T00:00:00Z","stack":"attack","tenant":"a","database":{{"schema":"s","charset":"utf8mb4",
            "collation":"utf8mb4_bin","engine":"x","tables":{{}},"pieces":1,"bytes":{},"sha256":"{hash}"}},"files":[]}}"#,
            sql.len()
        );
        let path = forged(&ground, &format!("attack{at}"), |tar| {
            add(tar, "database/00000001.sql", tar::EntryType::Regular, sql.as_bytes(), "");
            add(tar, "manifest.json", tar::EntryType::Regular, manifest.as_bytes(), "");
        });
        let archive = ground.check(&path).await.expect("whole, as far as anybody can tell");
        drop(ground.restore("a", &archive, None).await);
        assert!(!evil.exists(), "{sql}");
        assert_eq!(b.sql("SELECT a FROM own"), "5", "{sql}");
    }
}
