use super::*;
use spark_analytics_core::{Application, LogSnapshot};

/// In the order of id and attempt; single events make no application.
pub fn applications_are_listed_page_by_page<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let ids = [("a", ""), ("a", "1"), ("a", "2"), ("a!", ""), ("b", "1"), ("é", "")];
        for (app_id, attempt_id) in ids.iter().rev() {
            let application = Application {
                app_id: (*app_id).to_owned(),
                attempt_id: (*attempt_id).to_owned(),
                ..Application::default()
            };
            let log = LogSnapshot { application, ..LogSnapshot::default() };
            store.ingest_log(log).await.expect("takes a log");
        }
        send(&store, vec![start(&JobKey::in_app("c", "", 1), 0, "ada")]).await;
        for size in [1, 4, 100] {
            let mut listed: Vec<(String, String)> = Vec::new();
            loop {
                let after = listed.last().map(|(app, attempt)| (app.as_str(), attempt.as_str()));
                let page = store.applications(after, size).await.expect("reads");
                if page.is_empty() {
                    break;
                }
                listed.extend(page.into_iter().map(|app| (app.app_id, app.attempt_id)));
            }
            let expected = ids.map(|(app, attempt)| (app.to_owned(), attempt.to_owned()));
            assert_eq!(listed, expected);
        }
        assert_eq!(store.log("a", "3").await.expect("reads"), None);
    });
}
