use super::*;
use crate::difference::assert_eq;
use spark_analytics_core::AttemptKey;
use spark_analytics_core::log::{Application, LogSnapshot, fact};

/// Applications are listed by id and attempt; single events create no application.
pub fn applications_are_listed_page_by_page<F: Fixture>() {
    with_store::<F, _>(async |store: Arc<dyn Store>| {
        let ids = [("a", ""), ("a", "1"), ("a", "2"), ("a!", ""), ("b", "1"), ("é", "")];
        for (app_id, attempt_id) in ids.iter().rev() {
            let application = fact!(Application {
                app_id: (*app_id).to_owned(),
                attempt_id: (*attempt_id).to_owned(),
            });
            let log = fact!(LogSnapshot { application });
            store.ingest_logs(vec![log], Vec::new()).await.expect("takes a log");
        }
        send(&store, vec![start(&JobKey::in_app("c", "", 1), 0, "ada")]).await;
        for size in [1, 4, 100] {
            let mut listed: Vec<AttemptKey> = Vec::new();
            loop {
                let page = store.applications(listed.last(), size).await.expect("reads");
                if page.is_empty() {
                    break;
                }
                listed.extend(page.iter().map(Application::key));
            }
            let expected = ids.map(|(app, attempt)| AttemptKey::new(app, attempt));
            assert_eq!(listed, expected);
        }
        assert_eq!(store.log(&AttemptKey::new("a", "3")).await.expect("reads"), None);
    });
}
