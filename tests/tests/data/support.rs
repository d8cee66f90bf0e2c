//! Small sets on disk, and a server on this machine that behaves well or badly.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use candlelight::Error;
use candlelight::data::{DataError, idx};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

pub const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The four files, uncompressed, of a set of 20 training and 10 test images, in the order of [`NAMES`].
pub fn small_set() -> [Vec<u8>; 4] {
    let images = |n: usize, shift: usize| {
        let pixels: Vec<u8> = (0..n * 784).map(|i| ((i * 7 + shift) % 256) as u8).collect();
        idx::encode(&[n, 28, 28], &pixels).unwrap()
    };
    let labels = |n: usize| idx::encode(&[n], &(0..n).map(|i| (i % 10) as u8).collect::<Vec<_>>()).unwrap();
    [images(20, 0), labels(20), images(10, 1), labels(10)]
}

/// Writes the small set into a folder, with `.gz` for the files that `compressed` says.
pub fn write_small_set(folder: &Path, compressed: [bool; 4]) {
    for ((name, bytes), compressed) in NAMES.iter().zip(small_set()).zip(compressed) {
        if compressed {
            fs::write(folder.join(format!("{name}.gz")), gzip(&bytes)).unwrap();
        } else {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

/// The names in a folder, hidden ones too; none if there is no folder.
pub fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn data_error<T>(result: candlelight::Result<T>) -> DataError {
    match result {
        Err(Error::Data(error)) => error,
        Err(other) => panic!("expected Error::Data, got {other:?}"),
        Ok(_) => panic!("expected an error"),
    }
}

/// A server on 127.0.0.1; `answer` gets the path of each request and the connection, which closes after it.
pub struct Server {
    pub url: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub fn start(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
        let count = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                    let request = lines.next().unwrap_or_default();
                    lines.find(String::is_empty);
                    let path = request.split(' ').nth(1).unwrap_or_default();
                    answer(path.trim_start_matches('/'), &mut stream);
                });
            }
        });
        Self { url, requests }
    }

    /// How many connections were made.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Sends a whole answer; a client that hangs up early is its own affair.
pub fn respond(stream: &mut TcpStream, status: &str, body: &[u8]) {
    announce(stream, status, body.len());
    let _ = stream.write_all(body);
}

/// Sends the head of an answer, with the length that the body is said to have.
pub fn announce(stream: &mut TcpStream, status: &str, length: usize) {
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
}

/// An address of this machine where nobody listens.
pub fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
