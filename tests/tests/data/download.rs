//! Downloads: whole or not at all, against a server on this machine.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use candlelight::data::DataError;
use candlelight::data::download::{Mirror, RemoteFile};

use crate::support::{Server, announce, closed_port, listing, respond, sha256};

/// 300 000 bytes that differ along the file, so that several reads are needed.
fn content() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn file() -> RemoteFile {
    RemoteFile { name: "file.gz", bytes: 300_000, sha256: sha256(&content()).leak() }
}

fn mirror(url: &str) -> Mirror {
    Mirror { timeout: Duration::from_secs(20), ..Mirror::new(url) }
}

/// Fetches from a server that must fail, and sees that nothing is left.
fn failure(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> DataError {
    let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
    let error = mirror(&server.url).fetch(&file(), folder.path()).unwrap_err();
    assert!(error.to_string().contains(&server.url), "{error}");
    assert_eq!(listing(folder.path()), [""; 0], "after {error}");
    error
}

#[test]
fn fetches_once_then_reads_the_file() {
    let server = Server::start(|path, stream| {
        assert_eq!(path, "some/where/file.gz");
        respond(stream, "200 OK", &content());
    });
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("made/on/demand");
    for url in [format!("{}/some/where", server.url), format!("{}/some/where/", server.url), closed_port()] {
        let path = mirror(&url).fetch(&file(), &folder).unwrap();
        assert_eq!(fs::read(&path).unwrap(), content());
        assert_eq!(listing(&folder), ["file.gz"]);
    }
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_url_ends_with_or_without_a_slash() {
    let server = Server::start(|path, stream| {
        respond(stream, if path == "dir/file.gz" { "200 OK" } else { "404 Not Found" }, &content());
    });
    for end in ["/dir", "/dir/"] {
        let folder = tempfile::tempdir().unwrap();
        mirror(&format!("{}{end}", server.url)).fetch(&file(), folder.path()).unwrap();
    }
}

#[test]
fn a_body_cut_short_is_refused() {
    let error = failure(|_, stream| {
        announce(stream, "200 OK", 300_000);
        let _ = stream.write_all(&content()[..123_456]);
    });
    assert!(matches!(error, DataError::Size { expected: 300_000, actual: 123_456, .. }), "{error}");
}

#[test]
fn a_body_of_another_length_is_refused() {
    for length in [0, 299_999, 300_001] {
        let error = failure(move |_, stream| respond(stream, "200 OK", &vec![0; length]));
        assert!(
            matches!(error, DataError::Size { expected: 300_000, actual, .. } if actual == length as u64),
            "{error}"
        );
    }
}

#[test]
fn a_short_body_of_unknown_length_is_refused() {
    let error = failure(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nshort");
    });
    assert!(matches!(error, DataError::Size { expected: 300_000, actual: 5, .. }), "{error}");
}

#[test]
fn a_damaged_body_is_refused() {
    let mut damaged = content();
    damaged[200_000] ^= 1;
    let (wrong, right) = (sha256(&damaged), sha256(&content()));
    let error = failure(move |_, stream| respond(stream, "200 OK", &damaged));
    assert!(
        matches!(&error, DataError::Checksum { expected, actual, .. } if (expected, actual) == (&right, &wrong)),
        "{error}"
    );
}

#[test]
fn an_http_error_is_named() {
    for (answer, expected) in [("404 Not Found", 404), ("500 Internal Server Error", 500), ("204 No Content", 204)] {
        let error = failure(move |_, stream| respond(stream, answer, b""));
        assert!(matches!(error, DataError::HttpStatus { status, .. } if status == expected), "{error}");
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let error = failure(|_, stream| {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n\r\n");
    });
    assert!(matches!(error, DataError::Transport { .. }), "{error}");
}

#[test]
fn an_endless_body_stops_at_the_limit() {
    let sent = Arc::new(AtomicU64::new(0));
    let count = sent.clone();
    let error = failure(move |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        // 1 GiB if nobody hangs up.
        for _ in 0..1 << 14 {
            if stream.write_all(&[0; 1 << 16]).is_err() {
                return;
            }
            count.fetch_add(1 << 16, Ordering::SeqCst);
        }
    });
    assert!(matches!(error, DataError::Size { expected: 300_000, actual: 300_001, .. }), "{error}");
    assert!(error.to_string().ends_with("expected 300000 bytes, got 300001 or more"), "{error}");
    // What the sockets buffer is sent, no more.
    assert!(sent.load(Ordering::SeqCst) < 1 << 26, "{sent:?}");
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::start(|_, stream| {
        announce(stream, "200 OK", 300_000);
        let _ = stream.write_all(&content()[..1000]);
        thread::sleep(Duration::from_secs(60));
    });
    let (folder, start) = (tempfile::tempdir().unwrap(), Instant::now());
    let mirror = Mirror { timeout: Duration::from_millis(300), ..Mirror::new(&server.url) };
    let error = mirror.fetch(&file(), folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Transport { .. }), "{error}");
    assert!(error.to_string().contains("timeout"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(listing(folder.path()), [""; 0]);
}

#[test]
fn nobody_listening_is_named() {
    let (url, folder) = (closed_port(), tempfile::tempdir().unwrap());
    let error = mirror(&url).fetch(&file(), folder.path()).unwrap_err();
    assert!(matches!(&error, DataError::Transport { url: at, .. } if at.starts_with(&url)), "{error}");
    assert_eq!(listing(folder.path()), [""; 0]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("taken"), "a file").unwrap();
    let error = mirror(&closed_port()).fetch(&file(), &root.path().join("taken/below")).unwrap_err();
    assert!(matches!(&error, DataError::Io { file, .. } if file.ends_with("taken/below")), "{error}");
}

#[test]
fn fetches_at_once_do_not_disturb_each_other() {
    // Every third answer is damaged; the others must come through, and nothing but the file may stay.
    let turn = AtomicU64::new(0);
    let server = Server::start(move |_, stream| {
        let mut body = content();
        if turn.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
            body[7] ^= 1;
        }
        announce(stream, "200 OK", body.len());
        for part in body.chunks(50_000) {
            let _ = stream.write_all(part);
            thread::sleep(Duration::from_millis(5));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let fetch = || mirror(&server.url).fetch(&file(), folder.path());
    let results: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..8).map(|_| scope.spawn(fetch)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    for result in &results {
        match result {
            Ok(path) => assert_eq!(fs::read(path).unwrap(), content()),
            Err(error) => assert!(matches!(error, DataError::Checksum { .. }), "{error}"),
        }
    }
    assert!(results.iter().filter(|result| result.is_ok()).count() >= 5);
    assert_eq!(listing(folder.path()), ["file.gz"]);
}

#[test]
fn a_name_as_long_as_the_system_allows_is_fetched() {
    let server = Server::start(|_, stream| respond(stream, "200 OK", &content()));
    for name in ["a".repeat(255), "é".repeat(127)] {
        let folder = tempfile::tempdir().unwrap();
        let path = mirror(&server.url).fetch(&RemoteFile { name: name.clone().leak(), ..file() }, folder.path());
        assert_eq!(fs::read(path.unwrap()).unwrap(), content());
        assert_eq!(listing(folder.path()), [name]);
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    use std::os::unix::fs::FileTypeExt;
    let server = Server::start(|_, stream| respond(stream, "200 OK", &content()));
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("file.gz");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = mirror(&server.url).fetch(&file(), folder.path()).unwrap_err();
    assert!(matches!(&error, DataError::Io { file, .. } if *file == pipe), "{error}");
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!((listing(folder.path()), server.requests()), (vec!["file.gz".to_owned()], 0));
}

#[test]
fn what_a_crash_left_is_removed_a_day_later() {
    let server = Server::start(|_, stream| respond(stream, "200 OK", &content()));
    let folder = tempfile::tempdir().unwrap();
    let (old, young, other) = (".file.gz.partial-1-0", ".file.gz.partial-2-0", ".other.gz.partial-1-0");
    let age = |name: &str, days: u64| {
        let path: &Path = &folder.path().join(name);
        let time = SystemTime::now() - Duration::from_secs(days * 86_400);
        fs::File::create(path).unwrap().set_modified(time).unwrap();
    };
    age(old, 2);
    age(young, 0);
    age(other, 2);
    mirror(&server.url).fetch(&file(), folder.path()).unwrap();
    assert_eq!(listing(folder.path()), [young, other, "file.gz"]);
}
