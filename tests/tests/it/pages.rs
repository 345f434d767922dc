//! Links between the pages of the repository have targets, and every page is linked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files of the repository with one of these extensions, relative to its root.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let (root, mut files, mut folders) = (root(), Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap().map(Result::unwrap) {
            let (path, name) = (folder.join(entry.file_name()), entry.file_name());
            let name = name.to_str().unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() && !name.starts_with('.') && !name.starts_with("target") {
                folders.push(path);
            } else if kind.is_file() && extensions.iter().any(|end| name.ends_with(end)) {
                files.push(path);
            }
        }
    }
    files
}

/// A page without its blocks of code.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    text.split("```").step_by(2).collect()
}

/// The targets of a page's links: `](target)`.
fn links(page: &Path) -> Vec<String> {
    let prose = prose(page);
    let ends = prose.split("](").skip(1);
    ends.map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let is_kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-")
}

fn anchors(page: &Path) -> BTreeSet<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// The file that a page calls `path`, relative to the root.
fn target(page: &Path, path: &str) -> PathBuf {
    let mut target = PathBuf::new();
    for part in page.parent().unwrap().join(path).components() {
        if part == Component::ParentDir {
            target.pop();
        } else {
            target.push(part);
        }
    }
    target
}

/// The pages and files that a page links to, and its broken links.
fn follow(page: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    for link in links(page).iter().filter(|link| !link.contains("://")) {
        let (path, wanted) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { page.to_owned() } else { target(page, path) };
        let is_there = root().join(&target).exists()
            && (wanted.is_empty() || anchors(&target).contains(wanted));
        if is_there {
            found.push(target);
        } else {
            broken.push(format!("{}: {link}", page.display()));
        }
    }
    (found, broken)
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let pages = files(&[".md"]);
    assert!(pages.len() > 15, "{pages:?}");
    let broken: Vec<String> = pages.iter().flat_map(|page| follow(page).1).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_named_page_exists() {
    let mut missing = Vec::new();
    for file in files(&[".md", ".rs", ".toml", ".yaml", ".json", ".sql", ".lua"]) {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let names = text.split("docs/").skip(1).filter_map(|rest| {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')?;
            rest[end..].starts_with(".md").then(|| format!("docs/{}.md", &rest[..end]))
        });
        let is_missing = |name: &String| !root().join(name).exists();
        missing.extend(names.filter(is_missing).map(|name| format!("{}: {name}", file.display())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_page_is_linked_from_the_index() {
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![PathBuf::from("README.md")]);
    while let Some(page) = ahead.pop() {
        if reached.insert(page.clone()) && page.extension().is_some_and(|kind| kind == "md") {
            ahead.extend(follow(&page).0);
        }
    }
    let pages = files(&[".md"]).into_iter().filter(|page| page.starts_with("docs"));
    let alone: Vec<PathBuf> = pages.filter(|page| !reached.contains(page)).collect();
    assert!(alone.is_empty(), "no page links to {alone:?}");
}

/// The pages with prose of our own.
fn pages() -> Vec<PathBuf> {
    let pages = files(&[".md"]).into_iter();
    pages.filter(|page| page.starts_with("docs") || page.components().count() == 1).collect()
}

#[test]
fn prose_is_wrapped_at_100_columns() {
    let mut long = Vec::new();
    for page in pages() {
        let lines = prose(&page);
        let is_prose = |line: &&str| !line.starts_with(['|', '#']);
        // A word that is longer than a line, such as a link, has one to itself.
        let has_a_break = |line: &&str| line.trim_start_matches([' ', '-']).trim().contains(' ');
        let is_long = |line: &&str| line.chars().count() > 100 && has_a_break(line);
        long.extend(
            lines
                .lines()
                .filter(is_prose)
                .filter(is_long)
                .map(|l| format!("{}: {l}", page.display())),
        );
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// The rooms of each crate as the architecture page lists them, by its headings.
fn rooms() -> Vec<(String, BTreeSet<String>)> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let sections = page.split("\n### spark-analytics-").skip(1);
    sections
        .map(|section| {
            let name = section.lines().next().unwrap();
            let section = section.split("\n## ").next().unwrap();
            let rows = section.lines().filter(|line| line.starts_with("| `"));
            let cells = rows.filter_map(|row| row.split('|').nth(1));
            let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
            (format!("spark-analytics-{name}"), names.map(str::to_owned).collect())
        })
        .collect()
}

/// The modules and folders directly below a crate's `src`.
fn modules(member: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(member).join("src")).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let names = names.map(|name| name.trim_end_matches(".rs").to_owned());
    names.filter(|name| !matches!(name.as_str(), "lib" | "main")).collect()
}

#[test]
fn the_architecture_page_lists_the_rooms_of_each_crate() {
    let rooms = rooms();
    let listed: BTreeSet<&str> = rooms.iter().map(|(name, _)| name.as_str()).collect();
    let root_entries = fs::read_dir(root()).unwrap().map(Result::unwrap);
    let names = root_entries.map(|entry| entry.file_name().into_string().unwrap());
    let crates: Vec<String> = names.filter(|name| name.starts_with("spark-analytics-")).collect();
    let crates: Vec<&String> =
        crates.iter().filter(|name| root().join(name).join("Cargo.toml").exists()).collect();
    assert_eq!(crates.iter().map(|name| name.as_str()).collect::<BTreeSet<_>>(), listed);
    for (name, rooms) in &rooms {
        let source = root().join(name).join("src");
        let is_there = |room: &String| {
            source.join(room).is_dir() || source.join(format!("{room}.rs")).is_file()
        };
        let gone: Vec<&String> = rooms.iter().filter(|room| !is_there(room)).collect();
        assert!(gone.is_empty(), "{name} has no {gone:?}");
        let unlisted: Vec<String> = modules(name).difference(rooms).cloned().collect();
        assert!(unlisted.is_empty(), "{unlisted:?} of {name} are not in docs/architecture.md");
    }
}
