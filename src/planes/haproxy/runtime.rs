//! HAProxy's two sockets: the admin socket of the worker that serves, and that of the master.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{Haproxy, slot};
use crate::model::runbook::HAPROXY_DOWN;
use crate::planes::error::{Class, Error, Result};

/// The longest that one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A longer line of commands than 16 KB is not acknowledged.
const LINE: usize = 12_000;
/// Of `srv_admin_state`: that the configuration had it out of use says nothing of now. Every other bit keeps requests away.
const CONFIGURED: u32 = 0x04;
/// What `show stat` calls the rows of servers.
const SERVERS: u8 = 4;

/// A worker as it tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Its process id, in its own namespace.
    pub pid: String,
    /// The stamp of the text that it was started with.
    pub stamp: String,
    /// For how long it has served.
    pub uptime: Duration,
}

/// One server of a tenant's backend, as the worker that serves has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where requests go.
    pub address: SocketAddr,
    /// It is in use: not in maintenance, nor being drained. Whether it answers is another matter.
    pub in_use: bool,
    /// HAProxy finds it answering.
    pub up: bool,
}

impl Haproxy {
    /// The socket of the worker that serves.
    #[must_use]
    pub fn admin_socket(&self) -> PathBuf {
        self.place.folder.join("admin.sock")
    }

    /// The socket of the master.
    #[must_use]
    pub fn master_socket(&self) -> PathBuf {
        self.place.folder.join("master.sock")
    }

    /// The worker that serves; `None` when none runs.
    ///
    /// # Errors
    /// When it runs and does not answer.
    pub async fn serves(&self) -> Result<Option<Worker>> {
        self.ours.reads("haproxy.show_info");
        let Some(info) = self.ask(&self.admin_socket(), "show info").await? else { return Ok(None) };
        let line = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let uptime = Duration::from_secs(line("Uptime_sec: ").parse().unwrap_or_default());
        Ok(Some(Worker { pid: line("Pid: "), stamp: line("description: "), uptime }))
    }

    /// The tenants' own servers, by tenant; `None` when none runs.
    ///
    /// # Errors
    /// When it runs and does not answer, or the answer makes no sense.
    pub async fn servers(&self) -> Result<Option<BTreeMap<String, Server>>> {
        self.ours.reads("haproxy.show_servers_state");
        match self.ask(&self.admin_socket(), "show servers state").await? {
            Some(answer) => servers(&answer).map(Some),
            None => Ok(None),
        }
    }

    /// How many requests the tenant's own server has under way; none where HAProxy does not run or does not know the tenant.
    ///
    /// # Errors
    /// When it runs and does not answer, or the answer makes no sense.
    pub async fn under_way(&self, tenant: &str) -> Result<u64> {
        self.ours.reads("haproxy.show_stat");
        let line = format!("show stat {}{tenant} {SERVERS} -1", slot::PREFIX);
        let Some(answer) = self.ask(&self.admin_socket(), &line).await? else { return Ok(0) };
        under_way(&answer)
    }

    /// Sends commands over the admin socket, as many to a line as it takes. What HAProxy said to them is returned, empty lines left out.
    ///
    /// # Errors
    /// When the lease is lost, or HAProxy does not answer.
    pub async fn tell(&self, call: &str, commands: &[String]) -> Result<Vec<String>> {
        let mut said = Vec::new();
        for line in lines(commands) {
            self.ours.changes(call).await?;
            let answer = self.ask(&self.admin_socket(), &line).await?.ok_or_else(|| self.down(call))?;
            said.extend(answer.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        Ok(said)
    }

    /// That it does not run.
    pub(super) fn down(&self, call: &str) -> Error {
        let why = format!("HAProxy does not run (nobody answers at {}): {HAPROXY_DOWN}", self.admin_socket().display());
        Error::new(Class::Unreachable, call, why)
    }

    /// One line of commands, and all that was answered; `None` when nobody listens.
    pub(super) async fn ask(&self, socket: &std::path::Path, line: &str) -> Result<Option<String>> {
        let call = line.split(';').next().unwrap_or_default();
        let all = async {
            let mut stream = match UnixStream::connect(socket).await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
                stream => stream?,
            };
            stream.write_all(format!("{line}\n").as_bytes()).await?;
            // The master ends its answer only when nothing more can be asked.
            stream.shutdown().await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok(Some(String::from_utf8_lossy(&answer).into_owned()))
        };
        let failed =
            |why: String| Error::new(Class::Unreachable, "haproxy", format!("{}: {call}: {why}: {HAPROXY_DOWN}", socket.display()));
        match tokio::time::timeout(PATIENCE, all).await {
            Ok(answer) => answer.map_err(|error: std::io::Error| failed(error.to_string())),
            Err(_) => Err(failed("no answer".to_owned())),
        }
    }
}

/// Commands joined to as few lines as may be.
fn lines(commands: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for command in commands {
        match lines.last_mut().filter(|line| line.len() + command.len() < LINE) {
            Some(line) => {
                line.push(';');
                line.push_str(command);
            }
            None => lines.push(command.clone()),
        }
    }
    lines
}

/// Reads `show stat` of one backend: the names of its columns, then a line for each server.
fn under_way(answer: &str) -> Result<u64> {
    let bad = |what: &str| Error::incomplete("haproxy.show_stat", what);
    let Some(header) = answer.lines().find_map(|line| line.strip_prefix("# ")) else { return Ok(0) };
    let columns: Vec<&str> = header.split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).ok_or_else(|| bad(name));
    let (name, sessions) = (at("svname")?, at("scur")?);
    for line in answer.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.get(name) == Some(&slot::SERVER) {
            return cells.get(sessions).and_then(|cell| cell.parse().ok()).ok_or_else(|| bad("a number of sessions"));
        }
    }
    Ok(0)
}

/// Reads `show servers state`: its version, the names of its columns, a line for each server.
fn servers(answer: &str) -> Result<BTreeMap<String, Server>> {
    let bad = |what: &str| Error::incomplete("haproxy.show_servers_state", what);
    let header = answer.lines().find_map(|line| line.strip_prefix("# ")).ok_or_else(|| bad("names of columns"))?;
    let columns: Vec<&str> = header.split(' ').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).ok_or_else(|| bad(name));
    let (backend, name, address) = (at("be_name")?, at("srv_name")?, at("srv_addr")?);
    let (port, admin, state) = (at("srv_port")?, at("srv_admin_state")?, at("srv_op_state")?);
    let mut found = BTreeMap::new();
    for line in answer.lines().skip_while(|line| !line.starts_with("# ")).skip(1).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split(' ').collect();
        let cell = |at: usize| cells.get(at).copied().ok_or_else(|| bad("whole lines"));
        let (Some(tenant), true) = (slot::tenant(cell(backend)?), cell(name)? == slot::SERVER) else { continue };
        let ip: IpAddr = cell(address)?.parse().map_err(|_| bad("address"))?;
        let address = SocketAddr::new(ip, cell(port)?.parse().map_err(|_| bad("port"))?);
        let admin: u32 = cell(admin)?.parse().map_err(|_| bad("admin state"))?;
        let server = Server { address, in_use: admin & !CONFIGURED == 0, up: cell(state)? == "2" };
        found.insert(tenant.to_owned(), server);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_by_the_names_of_their_columns() {
        let answer = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_port\n\
                      5 t_a 1 s 10.0.0.1 2 4 32768\n5 t_a 2 wk - 2 0 0\n6 t_b 1 s 127.0.0.1 0 5 1\n7 x 1 s 127.0.0.1 2 0 1\n\n";
        let found = servers(answer).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found["a"], Server { address: "10.0.0.1:32768".parse().unwrap(), in_use: true, up: true });
        assert!(!found["b"].in_use);
        assert!(servers("").is_err() && servers("1\n# be_name srv_name\n").is_err());
    }

    #[test]
    fn requests_under_way_are_those_of_the_tenants_own_server() {
        let answer = "# pxname,svname,qcur,qmax,scur,smax\nt_a,wk,0,0,7,9\nt_a,s,0,0,3,5\n\n";
        assert_eq!(under_way(answer).unwrap(), 3);
        assert_eq!(under_way("No such proxy.\n").unwrap(), 0);
        assert!(under_way("# pxname,svname\nt_a,s\n").is_err());
    }

    #[test]
    fn no_line_of_commands_is_too_long() {
        let commands: Vec<String> = (0..10_000).map(|n| format!("set server t_tenant-{n}/s addr 10.20.30.40 port {n}")).collect();
        let lines = lines(&commands);
        assert!(lines.iter().all(|line| line.len() < 16_000) && lines.len() < 60, "{}", lines.len());
        assert_eq!(lines.iter().flat_map(|line| line.split(';')).count(), 10_000);
    }
}
