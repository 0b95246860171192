"""RDS: subnet groups that survive a change, Performance Insights, event subscriptions, engine versions, in-use errors, restores with real data."""
import json
import random
import string
import subprocess
import time

from moto.rds.models import DBInstance, MasterUserSecret, RDSBackend

from ..actions import action, fail

API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_"

# Seconds for which a deleted instance holds its name and its groups, so that waiting for it is seen.
GOING = 0.5

# Seconds for which a restored instance is being made, so that waiting for it is seen.
COMING = 3

# Engine, version, parameter group family: the versions that AWS offers for new instances, oldest first.
VERSIONS = [
    ("mysql", "8.0.42", "mysql8.0"), ("mysql", "8.0.43", "mysql8.0"), ("mysql", "8.0.44", "mysql8.0"),
    ("mysql", "8.4.5", "mysql8.4"), ("mysql", "8.4.6", "mysql8.4"), ("mysql", "8.4.7", "mysql8.4"),
    ("mariadb", "10.11.14", "mariadb10.11"), ("mariadb", "11.4.8", "mariadb11.4"), ("mariadb", "11.8.3", "mariadb11.8"),
]


ORIGINAL_INIT = DBInstance.__init__


def with_an_id_of_its_own(self, *args, **kwargs):
    """A server's resource id is never used twice; moto has one for all.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html"""
    ORIGINAL_INIT(self, *args, **kwargs)
    self.dbi_resource_id = "db-" + "".join(random.choices(string.ascii_uppercase + string.digits, k=26))


DBInstance.__init__ = with_an_id_of_its_own

# The servers behind instances, where there are any: addresses with the sockets of their superusers, and a file with their administrator's name
# and password.
# And for how many seconds a new instance is being made.
REAL = {"servers": [], "admin": None, "takes": 0}


def there_are(servers, admin, takes=0):
    REAL.update(servers=servers, admin=admin, takes=takes)


def server_of(call, name, resource):
    """Address and socket of an instance's server, or nothing. A new instance gets the next one, which is nobody else's before the next reset:
    its data is there. The first is the one that hosts take for the stack's: no tenant gets it for itself, whichever of both is made first."""
    given = call.store("servers")
    if resource not in given:
        marks = {tag["Key"]: tag["Value"] for tag in call.own.databases[name].tags}
        may_have = REAL["servers"][1:] if marks.get("reeve:address", "").startswith("tenant/") else REAL["servers"]
        given[resource] = next((server for server in may_have if server not in given.values()), None)
    return given[resource]


def administrator(secret):
    """The secret of a password that RDS manages: `username` and `password`. moto has one for all, with a name that nobody chose.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html"""
    password = "".join(random.choices(string.ascii_letters + string.digits, k=28))
    if REAL["admin"]:
        with open(REAL["admin"]) as file:
            password = json.load(file)["password"]
    return json.dumps({"username": secret.resource.master_username, "password": password})


MasterUserSecret._generate_secret_string = administrator


def standing(backend):
    """The instances that hold their names and groups, without those that are gone by now; those that are there by now are available."""
    for name, database in list(backend.databases.items()):
        if time.monotonic() >= getattr(database, "reeve_gone_at", float("inf")):
            del backend.databases[name]
        elif database.status == "creating" and time.monotonic() >= database.reeve_there_at:
            database.status = "available"
    return backend.databases.values()


@action("rds", "ModifyDBSubnetGroup", page=API + "ModifyDBSubnetGroup.html")
def modify_subnet_group(call):
    """moto removes the group."""
    name = call.params["DBSubnetGroupName"].lower()
    group = call.own.subnet_groups.get(name)
    if group is None:
        fail("DBSubnetGroupNotFoundFault", f"Subnet Group {name} not found.")
    answer = call.proceed()
    call.own.subnet_groups[name] = group
    return answer


@action("rds", "DeleteDBSubnetGroup", page=API + "DeleteDBSubnetGroup.html")
def delete_subnet_group(call):
    name = call.params["DBSubnetGroupName"].lower()
    users = [d.db_instance_identifier for d in standing(call.own) if getattr(getattr(d, "db_subnet_group", None), "name", None) == name]
    if users:
        fail("InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{name}' because at least one database "
             f"instance: {users[0]} is still using it.")
    return call.proceed()


@action("rds", "DeleteDBParameterGroup", page=API + "DeleteDBParameterGroup.html")
def delete_parameter_group(call):
    name = call.params["DBParameterGroupName"]
    if any(d.db_parameter_group_name == name for d in standing(call.own)):
        fail("InvalidDBParameterGroupState", f"One or more database instances are still members of this parameter group {name}"
             ", so the group cannot be deleted")
    return call.proceed()


@action("rds", "DescribeDBParameterGroups", page=API + "DescribeDBParameterGroups.html")
def describe_parameter_groups(call):
    name = call.params.get("DBParameterGroupName")
    if name and name not in call.own.db_parameter_groups and not name.startswith("default."):
        fail("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    return call.proceed()


@action("rds", "ResetDBParameterGroup", page=API + "ResetDBParameterGroup.html")
def reset_parameter_group(call):
    name = call.params["DBParameterGroupName"]
    group = call.own.db_parameter_groups.get(name)
    if group is None:
        fail("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    names = [p["ParameterName"] for p in call.params.get("Parameters", [])]
    for parameter in list(group.parameters) if call.params.get("ResetAllParameters") else names:
        group.parameters.pop(parameter, None)
    return {"DBParameterGroupName": name}


@action("rds", "ModifyEventSubscription", page=API + "ModifyEventSubscription.html")
def modify_event_subscription(call):
    name = call.params["SubscriptionName"]
    found = call.own.event_subscriptions.get(name)
    if found is None:
        fail("SubscriptionNotFound", f"Subscription {name} not found.")
    for member, attribute in (
        ("SnsTopicArn", "sns_topic_arn"), ("SourceType", "source_type"), ("EventCategories", "event_categories"),
        ("Enabled", "enabled"),
    ):
        if member in call.params:
            setattr(found, attribute, call.params[member])
    return {"EventSubscription": found}


@action("rds", "DescribeDBEngineVersions", page=API + "DescribeDBEngineVersions.html")
def engine_versions(call):
    asked, found = call.params, []
    for engine, version, family in VERSIONS:
        wanted = asked.get("EngineVersion") or version
        if asked.get("Engine", engine) != engine or asked.get("DBParameterGroupFamily", family) != family:
            continue
        if version != wanted and not version.startswith(wanted + "."):
            continue
        newer = [v for e, v, f in VERSIONS if (e, f) == (engine, family) and v > version]
        found.append({
            "Engine": engine, "EngineVersion": version, "MajorEngineVersion": version.rsplit(".", 1)[0],
            "DBParameterGroupFamily": family, "DBEngineDescription": engine, "Status": "available",
            "DBEngineVersionDescription": f"{engine} {version}",
            "ExportableLogTypes": ["audit", "error", "general", "slowquery"],
            "SupportsLogExportsToCloudwatchLogs": True, "SupportsReadReplica": True,
            "SupportedCACertificateIdentifiers": ["rds-ca-rsa2048-g1", "rds-ca-ecc384-g1", "rds-ca-rsa4096-g1"],
            "ValidUpgradeTarget": [
                {"Engine": engine, "EngineVersion": v, "AutoUpgrade": False, "IsMajorVersionUpgrade": False} for v in newer
            ],
        })
    if asked.get("DefaultOnly"):
        found = found[-1:]
    return {"DBEngineVersions": found}


AUTO_SNAPSHOT = RDSBackend.create_auto_snapshot


def create_auto_snapshot(backend, instance, name):
    """Backups that outlive their instance are known by its resource id: a later instance of the same name is made all the same.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.Retaining.html"""
    backend.database_snapshots.pop(name, None)
    return AUTO_SNAPSHOT(backend, instance, name)


RDSBackend.create_auto_snapshot = create_auto_snapshot

# What moto takes and does not give back.
KEPT = (
    "PerformanceInsightsKMSKeyId", "PerformanceInsightsRetentionPeriod", "DatabaseInsightsMode", "MaxAllocatedStorage",
    "StorageThroughput", "NetworkType", "CACertificateIdentifier",
)


@action("rds", "CreateDBInstance", "ModifyDBInstance", page=API + "CreateDBInstance.html")
def write_instance(call):
    """What is being made refuses each change."""
    standing(call.own)
    name, is_new = call.params["DBInstanceIdentifier"], call.operation.name == "CreateDBInstance"
    database = call.own.databases.get(name)
    if not is_new and getattr(database, "status", None) == "creating":
        fail("InvalidDBInstanceState", f"Database instance {name} is not in available state.")
    answer = call.answered()
    item = answer["DBInstance"]
    if is_new and REAL["takes"]:
        made = call.own.databases[item["DBInstanceIdentifier"]]
        made.status, made.reeve_there_at = "creating", time.monotonic() + REAL["takes"]
        item["DBInstanceStatus"] = "creating"
    if call.params.get("DBPortNumber"):  # moto knows the port of CreateDBInstance only
        call.own.databases[item["DBInstanceIdentifier"]].port = int(call.params["DBPortNumber"])
    extras = call.store("instances").setdefault(item["DBInstanceIdentifier"], {})
    for member in KEPT:
        if call.params.get(member) is not None:
            extras[member] = call.params[member]
    if "EnablePerformanceInsights" in call.params:
        extras["PerformanceInsightsEnabled"] = call.params["EnablePerformanceInsights"]
        if extras["PerformanceInsightsEnabled"]:
            extras.setdefault("PerformanceInsightsRetentionPeriod", 7)
    overlay(call, item)
    return answer


# What a restored instance has of its source, and what the call may say of it.
OF_SOURCE = (
    "engine", "engine_version", "db_instance_class", "allocated_storage", "storage_type", "iops", "storage_throughput", "storage_encrypted",
    "kms_key_id", "master_username", "backup_retention_period", "license_model", "port",
)
OF_CALL = (
    "db_instance_class", "multi_az", "port", "publicly_accessible", "db_subnet_group_name", "db_parameter_group_name", "vpc_security_group_ids",
    "tags", "deletion_protection", "copy_tags_to_snapshot", "manage_master_user_password", "master_user_secret_kms_key_id",
    "enable_cloudwatch_logs_exports", "auto_minor_version_upgrade",
)


def restored(backend, source_db_identifier, target_db_identifier, overrides):
    """moto copies its source with all that it points to, and loses what the call says `false` of."""
    source = backend.describe_db_instances(db_instance_identifier=source_db_identifier)[0]
    wanted = {name: getattr(source, name) for name in OF_SOURCE}
    wanted |= {name: overrides[name] for name in OF_CALL if overrides.get(name) is not None}
    return backend.create_db_instance(wanted | {"db_instance_identifier": target_db_identifier})


RDSBackend.restore_db_instance_to_point_in_time = restored


def client(program, socket, *arguments, **how):
    return subprocess.run([program, "--no-defaults", f"--socket={socket}", "--user=root", *arguments], check=True, **how)


def copy_data(source, target):
    """What is in one server into another that has nothing yet: schemas with all that is in them, and users. As its superuser."""
    listed = client("mariadb", source, "--batch", "--skip-column-names", "--execute=SHOW DATABASES", capture_output=True, text=True).stdout
    schemas = [name for name in listed.split() if name not in ("information_schema", "mysql", "performance_schema", "sys")]
    what = ["--single-transaction", "--routines", "--events", "--insert-ignore", "--system=users"] + (["--databases", *schemas] if schemas else [])
    dump = client("mariadb-dump", source, *what, capture_output=True).stdout
    client("mariadb", target, input=dump)


@action("rds", "RestoreDBInstanceToPointInTime", page=API + "RestoreDBInstanceToPointInTime.html")
def restore_to_point_in_time(call):
    """The data of now, whatever time is asked for; real where both instances have a server."""
    standing(call.own)
    source = call.own.databases.get(call.params["SourceDBInstanceIdentifier"])
    if source is None:
        fail("DBInstanceNotFound", f"DBInstance {call.params['SourceDBInstanceIdentifier']} not found.")
    if not source.backup_retention_period:
        fail("PointInTimeRestoreNotEnabled", f"{source.db_instance_identifier} has no automated backups.")
    answer = call.answered()
    item = answer["DBInstance"]
    made = call.own.databases[item["DBInstanceIdentifier"]]
    made.status, made.reeve_there_at = "creating", time.monotonic() + COMING
    servers = [server_of(call, one.db_instance_identifier, one.dbi_resource_id) for one in (source, made)]
    if all(servers):
        copy_data(*(socket for _, socket in servers))
        made.reeve_there_at = time.monotonic() + COMING
    item["DBInstanceStatus"] = "creating"
    overlay(call, item)
    return answer


@action("rds", "DescribeDBInstances", page=API + "DescribeDBInstances.html")
def describe_instances(call):
    standing(call.own)
    answer = call.answered()
    for item in answer["DBInstances"]:
        overlay(call, item)
    return answer


@action("rds", "DeleteDBInstance", page=API + "DeleteDBInstance.html")
def delete_instance(call):
    """Automated backups outlive the instance where the call says so: "DeleteAutomatedBackups ... Default: true". moto's instance is gone at once."""
    standing(call.own)
    name = call.params["DBInstanceIdentifier"]
    database = call.own.databases.get(name)
    if hasattr(database, "reeve_gone_at"):
        fail("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
    answer = call.answered()
    item = answer["DBInstance"]
    database.reeve_gone_at = time.monotonic() + GOING
    call.own.databases[name] = database
    call.store("instances").pop(item["DBInstanceIdentifier"], None)
    if call.params.get("DeleteAutomatedBackups") is False and item.get("BackupRetentionPeriod"):
        call.store("automated_backups")[item["DbiResourceId"]] = {
            member: item[member]
            for member in ("DBInstanceIdentifier", "DbiResourceId", "DBInstanceArn", "Engine", "BackupRetentionPeriod", "KmsKeyId")
            if item.get(member) is not None
        } | {"Status": "retained"}
    return answer


@action("rds", "DescribeDBInstanceAutomatedBackups", page=API + "DescribeDBInstanceAutomatedBackups.html")
def describe_automated_backups(call):
    """Only those of deleted instances: those of live ones are not modelled."""
    asked = call.params
    found = [
        one for one in call.store("automated_backups").values()
        if asked.get("DBInstanceIdentifier", one["DBInstanceIdentifier"]) == one["DBInstanceIdentifier"]
        and asked.get("DbiResourceId", one["DbiResourceId"]) == one["DbiResourceId"]
    ]
    return {"DBInstanceAutomatedBackups": found}


@action("rds", "DeleteDBInstanceAutomatedBackup", page=API + "DeleteDBInstanceAutomatedBackup.html")
def delete_automated_backup(call):
    found = call.store("automated_backups").pop(call.params.get("DbiResourceId"), None)
    if found is None:
        fail("DBInstanceAutomatedBackupNotFound", "The automated backup for this DB instance was not found.")
    return {"DBInstanceAutomatedBackup": found | {"Status": "deleting"}}


def overlay(call, item):
    extras = call.store("instances").get(item["DBInstanceIdentifier"], {})
    item.update(extras)
    server = server_of(call, item["DBInstanceIdentifier"], item["DbiResourceId"])
    if server and "Endpoint" in item:
        item["Endpoint"]["Address"] = server[0]
    if item["DBInstanceStatus"] == "creating":
        item.pop("Endpoint", None)
    item.setdefault("PerformanceInsightsEnabled", False)
    item.setdefault("DatabaseInsightsMode", "standard")
    if not item["PerformanceInsightsEnabled"]:
        for member in ("PerformanceInsightsKMSKeyId", "PerformanceInsightsRetentionPeriod"):
            item.pop(member, None)
