//! Against a server on this machine that misbehaves on purpose.

use super::*;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const REMOTE: Remote = Remote { name: "file.bin", md5: "e9b1713db620f1e3a14b6812de523f4b", content_md5: None };

/// What the server does with one request: gets the stream and the first byte that was asked for.
type Answer = fn(&mut TcpStream, Option<usize>);

/// A server that gives one answer after the other and then closes. Joining it gives the first bytes asked for.
fn serve(answers: Vec<Answer>) -> (String, JoinHandle<Vec<Option<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/some/where/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut from = None;
            for line in
                BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap).take_while(|l| !l.is_empty())
            {
                let line = line.to_ascii_lowercase();
                assert!(!line.starts_with("get ") || line.starts_with("get /some/where/file.bin "), "{line}");
                if let Some(range) = line.strip_prefix("range: bytes=") {
                    from = Some(range.trim_end_matches('-').parse().unwrap());
                }
            }
            asked.push(from);
            answer(&mut stream, from);
        }
        asked
    });
    (url, server)
}

fn send(stream: &mut TcpStream, head: &str, length: usize, body: &[u8]) {
    write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
}

fn whole(stream: &mut TcpStream, _: Option<usize>) {
    send(stream, "200 OK", CONTENT.len(), CONTENT);
}

fn breaks_off(stream: &mut TcpStream, from: Option<usize>) {
    assert_eq!(from, None);
    send(stream, "200 OK", CONTENT.len(), &CONTENT[..10]);
}

fn rest(stream: &mut TcpStream, from: Option<usize>) {
    let from = from.unwrap();
    let head = format!("206 Partial Content\r\nContent-Range: bytes {from}-35/36");
    send(stream, &head, CONTENT.len() - from, &CONTENT[from..]);
}

fn wrong_byte(stream: &mut TcpStream, _: Option<usize>) {
    let mut content = CONTENT.to_vec();
    content[7] ^= 1;
    send(stream, "200 OK", content.len(), &content);
}

fn not_found(stream: &mut TcpStream, _: Option<usize>) {
    send(stream, "404 Not Found", 4, b"none");
}

fn busy(stream: &mut TcpStream, _: Option<usize>) {
    send(stream, "503 Service Unavailable", 0, b"");
}

/// What a fetch led to.
struct Outcome {
    result: Result<Fetched, DownloadError>,
    /// First bytes that the server was asked for, one a request.
    asked: Vec<Option<usize>>,
    file: Option<Vec<u8>>,
    /// Whether a part is left.
    part: bool,
}

/// Fetches into a fresh folder, in which `part` is there already.
fn fetch(answers: Vec<Answer>, part: &[u8]) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let part_path = dir.path().join("file.bin.nsa-part");
    if !part.is_empty() {
        std::fs::write(&part_path, part).unwrap();
    }
    let (url, server) = serve(answers);
    let result = Fetcher::new(Duration::ZERO).fetch(&url, &REMOTE, dir.path(), &mut |_, _| {});
    let file = std::fs::read(dir.path().join("file.bin")).ok();
    Outcome { result, asked: server.join().unwrap(), file, part: part_path.exists() }
}

#[test]
fn a_file_that_broke_off_is_resumed_where_it_was() {
    let Outcome { result, asked, file, part } = fetch(vec![breaks_off, busy, rest], b"");
    assert_eq!(result.unwrap(), Fetched::Now);
    assert_eq!(asked, [None, Some(10), Some(10)]);
    assert_eq!((file.as_deref(), part), (Some(CONTENT), false));
}

#[test]
fn an_earlier_run_is_continued() {
    let Outcome { result, asked, file, .. } = fetch(vec![rest], &CONTENT[..20]);
    assert_eq!((result.unwrap(), asked), (Fetched::Now, vec![Some(20)]));
    assert_eq!(file.as_deref(), Some(CONTENT));
}

#[test]
fn a_whole_part_is_not_asked_for_again() {
    let Outcome { result, file, .. } = fetch(vec![], CONTENT);
    assert_eq!((result.unwrap(), file.as_deref()), (Fetched::Now, Some(CONTENT)));
}

#[test]
fn a_server_that_cannot_resume_sends_it_all_again() {
    let Outcome { result, file, .. } = fetch(vec![whole], b"other bytes");
    assert_eq!((result.unwrap(), file.as_deref()), (Fetched::Now, Some(CONTENT)));
    // A part longer than the file: 416 Range Not Satisfiable.
    let too_far: Answer = |stream, _| send(stream, "416 Range Not Satisfiable", 0, b"");
    let Outcome { result, asked, file, .. } = fetch(vec![too_far, whole], &[b'x'; 50]);
    assert_eq!((result.unwrap(), file.as_deref()), (Fetched::Now, Some(CONTENT)));
    assert_eq!(asked, [Some(50), None]);
}

/// Some servers answer a request for the rest with 200 instead of 206, and send the rest.
#[test]
fn a_part_that_is_called_the_whole_is_put_where_it_belongs() {
    let rest_as_200: Answer = |stream, from| {
        let from = from.unwrap();
        let head = format!("200 OK\r\nContent-Range: bytes {from}-35/36");
        send(stream, &head, CONTENT.len() - from, &CONTENT[from..]);
    };
    let Outcome { result, asked, file, .. } = fetch(vec![breaks_off, rest_as_200], b"");
    assert_eq!((result.unwrap(), asked), (Fetched::Now, vec![None, Some(10)]));
    assert_eq!(file.as_deref(), Some(CONTENT));
    // A part that does not continue what is there: it is left, and the file is asked for from its beginning.
    let other: Answer = |stream, _| send(stream, "200 OK\r\nContent-Range: bytes 20-35/36", 16, &CONTENT[20..]);
    let Outcome { result, asked, file, .. } = fetch(vec![other, whole], &CONTENT[..5]);
    assert_eq!((result.unwrap(), asked), (Fetched::Now, vec![Some(5), None]));
    assert_eq!(file.as_deref(), Some(CONTENT));
    // Nor is a part the beginning where nothing is there yet.
    let Outcome { result, file, .. } = fetch(vec![other, whole], b"");
    assert_eq!((result.unwrap(), file.as_deref()), (Fetched::Now, Some(CONTENT)));
}

#[test]
fn a_wrong_byte_is_noticed_and_nothing_is_kept() {
    let Outcome { result, file, part, .. } = fetch(vec![wrong_byte], b"");
    let error = result.unwrap_err().to_string();
    assert!(error.contains("must have MD5 e9b1713db620f1e3a14b6812de523f4b, found "), "{error}");
    assert_eq!((file, part), (None, false));
}

#[test]
fn what_is_not_there_is_asked_for_once() {
    let Outcome { result, asked, file, .. } = fetch(vec![not_found], b"");
    let error = result.unwrap_err();
    assert!(matches!(error, DownloadError::Status { status: 404, .. }), "{error}");
    assert!(error.to_string().contains("--url"));
    assert_eq!((asked.len(), file), (1, None));
}

#[test]
fn a_server_that_stays_broken_is_left_and_the_part_is_kept() {
    let Outcome { result, asked, part, .. } = fetch(vec![breaks_off, busy, busy, busy, busy], b"");
    let error = result.unwrap_err().to_string();
    assert!(error.contains("the server answered 503") && error.contains("10 bytes are kept"), "{error}");
    assert_eq!((asked.len(), part), (5, true));
}

#[test]
fn a_file_of_that_name_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.bin");
    let fetcher = Fetcher::new(Duration::ZERO);
    let fetch = || fetcher.fetch("http://127.0.0.1:9", &REMOTE, dir.path(), &mut |_, _| {});
    std::fs::write(&path, CONTENT).unwrap();
    assert_eq!(fetch().unwrap(), Fetched::Already);
    std::fs::write(&path, b"mine").unwrap();
    assert!(matches!(fetch().unwrap_err(), DownloadError::Exists { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

/// Guards the kind "three downloads at once ruin each other's".
#[test]
fn eight_at_once_fetch_it_once() {
    let dir = tempfile::tempdir().unwrap();
    let mine = dir.path().join("file.bin.part");
    std::fs::write(&mine, b"mine").unwrap();
    let (url, server) = serve(vec![breaks_off, rest]);
    let fetch = || Fetcher::new(Duration::ZERO).fetch(&url, &REMOTE, dir.path(), &mut |_, _| {}).unwrap();
    let found: Vec<Fetched> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(fetch)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(server.join().unwrap(), [None, Some(10)]);
    assert_eq!(found.iter().filter(|found| **found == Fetched::Now).count(), 1);
    assert_eq!(std::fs::read(dir.path().join("file.bin")).unwrap(), CONTENT);
    assert_eq!(std::fs::read(mine).unwrap(), b"mine");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}
