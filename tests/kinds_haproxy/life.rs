//! Made, read, changed by us and by others, dropped.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use reeve::kinds::{Kind, Ready, haproxy::config::Config};
use reeve::model::{Marks, Whose};
use reeve::planes::error::Class;
use reeve::planes::facts::Proxy;

use crate::support::{config, marks, place, plane, route, world};

#[tokio::test]
async fn it_is_made_read_changed_and_dropped() {
    let world = world();
    let want = config(&["a", "b"]);
    world.make(&want).await;
    assert!(matches!(Config::ready(&world.cx, "haproxy.cfg").await.unwrap(), Ready::Yes(_)));
    let live = world.live().await;
    assert_eq!((&live.shape, &live.marks), (&want, &marks()));
    world.make(&want).await; // as after an answer that was lost
    assert_eq!(world.stats.calls()["haproxy.start"], 1);

    let mut other = config(&["b", "c"]);
    other.routes.insert("d.example.org".into(), serde_json::from_value(route("d", "suspended")).unwrap());
    other.max_body_mib = 1;
    for _ in 0..2 {
        world.update(&other).await;
        assert_eq!(world.live().await.shape, other);
    }
    assert_eq!(world.stats.calls()["haproxy.reload"], 1, "what is already so is not loaded again");

    let protected = Marks { protect: true, ..marks() };
    Config::mark(&world.cx, "haproxy.cfg", &protected).await.unwrap();
    let live = world.live().await;
    assert_eq!((live.marks, live.shape), (protected, other), "a mark is no change of the text, and needs no reload");

    for _ in 0..2 {
        world.drop_it().await.unwrap();
        assert!(world.all().await.is_empty());
    }
    assert!(world.cx.serves().await.unwrap().is_none(), "nothing runs any more");
    let left: Vec<_> = fs::read_dir(world.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["haproxy.log"]);
}

#[tokio::test]
async fn sockets_and_the_key_are_for_their_owner_alone() {
    let world = world();
    world.make(&config(&["a"])).await;
    for file in ["admin.sock", "master.sock", "host.pem", "haproxy.cfg", "hosts.map", "haproxy.log"] {
        let mode = fs::metadata(world.at(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    let text = world.read("haproxy.cfg");
    assert!(!text.contains("stats enable") && !text.contains("stats uri"), "no statistics over the network");
}

#[tokio::test]
async fn what_is_changed_by_hand_shows_and_is_taken_back() {
    let world = world();
    let want = config(&["a"]);
    world.make(&want).await;
    let written = world.read("haproxy.cfg");
    let by_hand = written.replace("maxconn 4000", "maxconn 9000") + "  # just for tonight\n";
    fs::write(world.at("haproxy.cfg"), &by_hand).unwrap();
    fs::write(world.at("hosts.map"), "").unwrap();
    let have = world.live().await.shape;
    for words in ["-  maxconn 4000", "+  maxconn 9000", "+  # just for tonight", "--- hosts.map", "-a.example.org t_a:0"] {
        assert!(have.edited.contains(words), "{words}: {}", have.edited);
    }
    assert!(!have.edited.contains("not by hand"), "{}", have.edited);
    assert_eq!((have.running, &have.routes), (true, &want.routes));
    world.try_update(&have, &want, &["edited"]).await.unwrap();
    assert_eq!((world.live().await.shape, world.read("haproxy.cfg")), (want.clone(), written));
    assert_eq!(world.stats.calls()["haproxy.reload"], 1, "it may have been loaded too");

    fs::remove_file(world.at("host.pem")).unwrap();
    let have = world.live().await.shape;
    assert!(have.edited.contains("certificate is missing"), "{}", have.edited);
    world.try_update(&have, &want, &["edited"]).await.unwrap();
    assert_eq!(world.live().await.shape, want);
}

#[tokio::test]
async fn what_another_version_wrote_is_not_called_a_persons_work() {
    let world = world();
    let want = config(&["a"]);
    world.make(&want).await;
    let moved = reeve::planes::Haproxy {
        place: place(world.folder.path(), world.plain, "127.0.0.1:9".parse().unwrap()).into(),
        ..world.cx.clone()
    };
    let have = Config::fetch(&moved).await.unwrap().remove(0).shape;
    assert!(have.edited.starts_with("(not by hand") && have.edited.contains("-  bind 127.0.0.1:9 ssl"), "{}", have.edited);
}

#[tokio::test]
async fn a_refused_configuration_leaves_the_running_one_alone_and_says_haproxys_words() {
    let world = world();
    let want = config(&["a"]);
    world.make(&want).await;
    let (text, map) = (world.read("haproxy.cfg"), world.read("hosts.map"));
    let before = world.cx.serves().await.unwrap();
    let refused = world.cx.put(&(text.clone() + "  no-such-word\n"), &map).await.unwrap_err();
    assert_eq!(refused.class, Class::Invalid);
    for words in
        ["haproxy.check", "unknown keyword 'no-such-word'", "haproxy.cfg:", "the one in place goes on", "reeve runbook haproxy-rejects"]
    {
        assert!(refused.to_string().contains(words), "{words}: {refused}");
    }
    assert_eq!((world.read("haproxy.cfg"), world.cx.serves().await.unwrap()), (text.clone(), before.clone()));

    // One that passes the check and does not load (the port is another's by then): the files are those of what runs.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = text.replace(&format!("bind {}\n", world.plain), &format!("bind {}\n  bind {}\n", world.plain, taken.local_addr().unwrap()));
    assert_ne!(bad, text);
    let bad = reeve::planes::haproxy::files::stamped(&bad, &map);
    let refused = world.cx.put(&bad, &map).await.unwrap_err();
    assert!(refused.to_string().contains("the old one goes on: reeve runbook haproxy-rejects"), "{refused}");
    assert_eq!((world.read("haproxy.cfg"), world.live().await.shape), (text, want));
    assert_eq!(world.page("a.example.org", "/").await.status, 503);
    // And what comes after that loads.
    world.update(&config(&["b"])).await;
    assert_eq!(world.live().await.shape, config(&["b"]));
}

#[tokio::test]
async fn one_that_does_not_run_is_drift_and_is_started() {
    let world = world();
    let want = config(&["a"]);
    world.make(&want).await;
    world.killed().await;
    let have = world.live().await.shape;
    assert_eq!(have, Config { running: false, ..want.clone() });
    world.try_update(&have, &want, &["running"]).await.unwrap();
    assert_eq!(world.live().await.shape, want);
}

#[tokio::test]
async fn one_that_cannot_start_says_why() {
    let world = world();
    let _taken = std::net::TcpListener::bind(world.tls).unwrap();
    let refused = Config::create(&world.cx, &world.creation(&config(&["a"]))).await.unwrap_err();
    for words in ["HAProxy ended at once", "cannot bind socket", "reeve runbook haproxy-down"] {
        assert!(refused.to_string().contains(words), "{words}: {refused}");
    }
    assert_eq!(world.live().await.shape, Config { running: false, ..config(&["a"]) }, "the next plan sees it and starts it");
}

#[tokio::test]
async fn what_somebody_elses_hand_made_is_noted_and_never_touched() {
    let world = world();
    fs::write(world.at("haproxy.cfg"), "global\n").unwrap();
    let pass = world.cx.fresh();
    assert!(Config::fetch(&pass).await.unwrap().is_empty());
    assert_eq!(
        pass.ours.strangers().into_iter().map(|one| (one.name, one.whose)).collect::<Vec<_>>(),
        [("haproxy.cfg".into(), Whose::Nobody)]
    );
    let new = world.creation(&config(&["a"]));
    assert_eq!(Config::name_of(&new).as_deref(), Some("haproxy.cfg"), "so that the plan refuses it");
    assert_eq!(Config::create(&world.cx, &new).await.unwrap_err().class, Class::AlreadyExists);
    assert_eq!(world.read("haproxy.cfg"), "global\n");
    assert_eq!(format!("{:?}", world.cx.owner().await.unwrap()), "No");

    // Taken over, it is ours, and all that is in it is a difference.
    Config::mark(&world.cx, "haproxy.cfg", &marks()).await.unwrap();
    let found = world.live().await.shape.edited;
    assert!(found.starts_with("- host.pem") && found.contains("-# Written by reeve"), "{found}");
    let others = plane(world.folder.path(), world.plain, world.tls, "other", &world.stats);
    assert!(Config::fetch(&others).await.unwrap().is_empty(), "and it is not another stack's");
    assert_eq!(others.ours.strangers().into_iter().map(|one| one.whose).collect::<Vec<_>>(), [Whose::Stack("estate".into())]);
}

/// The fleet's hosts run it in a container without any right but these; its workers are nobody's but their own user's.
#[tokio::test]
async fn with_hardly_a_right_it_starts_serves_reloads_and_lets_its_old_workers_go() {
    let mut world = world();
    let run = ["setpriv", "--bounding-set", "-all,+net_bind_service,+setuid,+setgid,+kill", "--inh-caps", "-all", "haproxy"];
    let hardened =
        Proxy { run: run.map(str::to_owned).into(), user: Some("haproxy".into()), ..place(world.folder.path(), world.plain, world.tls) };
    world.cx = reeve::planes::Haproxy { place: hardened.into(), ..world.cx.clone() };
    world.make(&config(&["a"])).await;
    let page = world.page("a.example.org", "/").await;
    assert!(page.status == 503 && page.body.contains("a is asleep"), "{page:?}");
    world.update(&config(&["a", "b"])).await;
    let pid = world.read("haproxy.pid").trim().to_owned();
    for _ in 0..100 {
        let workers = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        if let [worker] = workers.split_whitespace().collect::<Vec<_>>()[..] {
            let status = fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
            let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
            assert!(!line("Uid:").contains("\t0"), "{}", line("Uid:"));
            assert_eq!(line("CapEff:"), "CapEff:\t0000000000000000");
            assert_eq!(world.live().await.shape, config(&["a", "b"]));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("an old worker stays for ever");
}
