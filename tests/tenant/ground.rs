//! One server and one emulated AWS for all tests of this binary; each test has a stack and folders of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use age::x25519::Identity;
use jiff::Timestamp;
use reeve::kinds::mysql::schema::Schema;
use reeve::kinds::mysql::user::User;
use reeve::kinds::{Change, Kind, Made, Naming, New};
use reeve::model::marks::Applied;
use reeve::model::{Access, Address, Marks, Secret};
use reeve::planes::aws::connect::{Options, connect};
use reeve::planes::aws::stats::Stats;
use reeve::planes::facts::Facts;
use reeve::planes::files::{Folder, Owner};
use reeve::planes::{Mysql, Plane, Planes, Result};
use reeve::sandbox::Sandbox;
use reeve::tenant::backup::{Made as Backup, backup, file_name};
use reeve::tenant::place::Place;
use reeve::tenant::progress::Progress;
use reeve::tenant::restore::{Checked, restore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::mariadb::Mariadb;

static SANDBOX: tokio::sync::OnceCell<Sandbox> = tokio::sync::OnceCell::const_new();

pub fn server() -> &'static Mariadb {
    static SERVER: OnceLock<Mariadb> = OnceLock::new();
    SERVER.get_or_init(Mariadb::start)
}

/// A stack with tenants in it.
pub struct Ground {
    pub planes: Planes,
    pub root: TempDir,
    /// Where archives go.
    pub archives: TempDir,
    pub identity: Arc<Identity>,
    stack: String,
}

/// A tenant's user.
pub struct Tenant {
    pub schema: String,
    pub user: String,
    pub password: String,
}

impl Ground {
    pub async fn new(stack: &str) -> Self {
        let sandbox = SANDBOX.get_or_init(|| async { Sandbox::start(reeve::sandbox::Options::default()).await.expect("a sandbox") }).await;
        let options = Options {
            stack: stack.to_owned(),
            domain: "hostedehr.org".to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(sandbox.endpoint.clone()),
            credentials: Some(aws_credential_types::Credentials::new("test", "test", None, None, "test")),
            ..Options::default()
        };
        let aws = connect(options).await.expect("a connection").aws;
        let root = TempDir::new().expect("a folder");
        let facts = Facts { files: Some(root.path().to_owned()), ..server().facts() };
        let planes = Planes::new(aws, &Access::default(), Some(&facts), &Stats::default());
        let tag = |key: &str, value: &str| aws_sdk_kms::types::Tag::builder().tag_key(key).tag_value(value).build().expect("a tag");
        let key = planes.aws.kms.create_key().tags(tag("reeve:stack", stack)).tags(tag("reeve:address", "fleet.key"));
        let key = key.send().await.expect("the stack's key").key_metadata.expect("a key").key_id;
        let alias = format!("alias/reeve/{stack}/fleet/key");
        planes.aws.kms.create_alias().alias_name(alias).target_key_id(key).send().await.expect("its name");
        let identity = Arc::new(reeve::tenant::key::make(&planes.aws).await.expect("a key"));
        Self { planes, root, archives: TempDir::new().expect("a folder"), identity, stack: stack.to_owned() }
    }

    pub async fn tenant(&self, name: &str) -> Tenant {
        let mysql = Mysql::of(&self.planes).expect("a way in");
        let password = format!("Canary{name}8Kd3Lq5Vn2Xp9Rs4");
        let parameter = format!("/reeve/{}/tenant/{name}.secret", self.stack);
        let call = self.planes.aws.ssm.put_parameter().name(&parameter).value(&password);
        call.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.expect("a parameter");
        let schema = self.make::<Schema>(mysql, &format!("tenant/{name}.schema"), json!({})).await.id;
        let fingerprint = Secret::new(password.clone()).fingerprint();
        let user = json!({ "schema": schema, "password": parameter, "fingerprint": fingerprint });
        let user = self.make::<User>(mysql, &format!("tenant/{name}.user"), user).await.id;
        let marks = self.marks(&format!("tenant/{name}.folder"));
        let marks = marks.to_tags().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let owner = Owner { uid: 0, gid: 0 };
        Folder::make(&self.root.path().join(name), &marks, owner, 0o755).expect("a folder");
        Tenant { schema, user, password }
    }

    fn marks(&self, address: &str) -> Marks {
        Marks {
            stack: self.stack.clone(),
            address: Some(Address::parse(address).expect("an address")),
            applied: Applied::parse("v1:ab1234"),
            protect: true,
            attempt: "attempt".into(),
            ..Marks::default()
        }
    }

    async fn make<K: Kind<Plane = Mysql>>(&self, mysql: &Mysql, address: &str, spec: Value) -> Made {
        let want: K = serde_json::from_value(spec).expect("a wish");
        let marks = self.marks(address);
        let address = Address::parse(address).expect("an address");
        let new = New {
            address: address.clone(),
            want: want.clone(),
            marks: marks.clone(),
            token: "token".into(),
            naming: Naming { stack: self.stack.clone(), salt: String::new() },
        };
        let made = K::create(mysql, &new).await.expect("made");
        if K::MANY_CALLS {
            let fields = serde_json::to_value(&want).expect("JSON").as_object().expect("fields").keys().cloned().collect();
            let (id, attributes) = (made.id.clone(), BTreeMap::new());
            let change = Change { address, id, attributes, have: want.clone(), want, fields, marks: marks.clone(), token: "t".into() };
            K::update(mysql, &change).await.expect("finished");
            K::mark(mysql, &made.id, &marks).await.expect("marked");
        }
        made
    }

    pub fn data(&self, name: &str) -> PathBuf {
        self.root.path().join(name).join("data")
    }

    pub async fn place(&self, name: &str) -> Place {
        Place::find(&self.planes, name).await.expect("a place")
    }

    pub async fn backup(&self, name: &str) -> Backup {
        let at = Timestamp::now();
        let path = self.archives.path().join(format!("{:08x}-{}", rand::random::<u32>(), file_name(name, at)));
        let to = vec![self.identity.to_public()];
        backup(&self.planes, &self.place(name).await, &path, to, at, &Progress::default()).await.expect("a backup")
    }

    pub async fn check(&self, path: &Path) -> Result<Checked> {
        Checked::read(path, self.identity.clone(), &Progress::default()).await
    }

    pub async fn restore(&self, name: &str, archive: &Checked, before: Option<&Checked>) -> Result<()> {
        restore(&self.planes, &self.place(name).await, archive, before, &Progress::default()).await
    }
}

impl Tenant {
    pub fn sql(&self, sql: &str) -> String {
        self.tries(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub fn tries(&self, sql: &str) -> std::result::Result<String, String> {
        server().as_user(&self.user, &self.password, true, &format!("USE `{}`; {sql}", self.schema))
    }
}

/// A schema with everything in it that OpenMRS and its modules make.
pub const CLINIC: &str = "\
    CREATE TABLE patient (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(200), note TEXT, photo BLOB, born DATE) ENGINE=InnoDB;\
    INSERT INTO patient (name, note, photo, born) VALUES ('Ann O''Neil; (x)', 'a\\nb\\\\', X'00FF27', '1999-01-02'), ('\u{1f600} Çelik', NULL, NULL, NULL);\
    CREATE TABLE visit (id INT PRIMARY KEY, patient INT, FOREIGN KEY (patient) REFERENCES patient (id)) ENGINE=InnoDB;\
    INSERT INTO visit VALUES (1, 1), (2, 1), (3, 2);\
    CREATE TABLE seen (n INT); INSERT INTO seen VALUES (0);\
    CREATE TABLE global_property (property VARCHAR(255) PRIMARY KEY, property_value TEXT);\
    INSERT INTO global_property VALUES ('mail.smtp_host', 'smtp.example'), ('locale', 'en'), ('sms.gateway.url', 'https://sms.example');\
    CREATE TABLE scheduler_task_config (task_config_id INT PRIMARY KEY, start_on_startup TINYINT, started TINYINT);\
    INSERT INTO scheduler_task_config VALUES (1, 1, 1);\
    CREATE VIEW busy AS SELECT patient, COUNT(*) AS visits FROM visit GROUP BY patient;\
    CREATE FUNCTION double_it(n INT) RETURNS INT DETERMINISTIC RETURN n * 2;\
    CREATE PROCEDURE look() SELECT COUNT(*) FROM patient;\
    CREATE TRIGGER count_them AFTER INSERT ON patient FOR EACH ROW UPDATE seen SET n = n + 1;";

/// What `CLINIC` answers.
pub const ASKED: &str = "SELECT GROUP_CONCAT(name, HEX(photo) ORDER BY id) FROM patient; SELECT note FROM patient WHERE id = 1; SELECT visits FROM busy \
    WHERE patient = 1; SELECT double_it(21); CALL look(); INSERT INTO patient (name) VALUES ('new'); SELECT n FROM seen; DELETE FROM patient WHERE name = \
    'new'; UPDATE seen SET n = 0;";
