//! Proof by secret token.

use crate::app::{App, SECRET_TOKENS, SIGNING_TOKENS, TOKEN};
use crate::payloads::EPIC;
use crate::signer;

#[tokio::test(flavor = "multi_thread")]
async fn while_rotating_both_tokens_are_good() {
    let app = App::with(&[(SECRET_TOKENS, &format!("{TOKEN},the new one"))]).await;
    for (token, status) in [(TOKEN, 200), ("the new one", 200), (&format!("{TOKEN},the new one"), 401)] {
        assert_eq!(app.post(&[("X-Gitlab-Token", token)], EPIC).await.status, status, "{token}");
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_compared_whole_and_exactly() {
    let app = App::start().await;
    let almost = [
        String::new(),
        TOKEN[..TOKEN.len() - 1].to_owned(),
        format!("{TOKEN}x"),
        format!("x{TOKEN}"),
        TOKEN.to_uppercase(),
        format!("{TOKEN} {TOKEN}"),
        format!("Bearer {TOKEN}"),
    ];
    for token in almost {
        assert_eq!(app.post(&[("X-Gitlab-Token", &token)], EPIC).await.status, 401, "{token:?}");
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_only_in_its_own_header() {
    let app = App::start().await;
    for name in ["Authorization", "Private-Token", "Gitlab-Token", "X-Gitlab-Token-", "X-Gitlab-Event"] {
        assert_eq!(app.post(&[(name, TOKEN)], EPIC).await.status, 401, "{name}");
    }
    assert_eq!(app.post(&[("x-GITLAB-tOkEn", TOKEN)], EPIC).await.status, 200, "names have no case");
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_signing_tokens_signature_headers_mean_nothing() {
    let app = App::start().await;
    let signed = [("webhook-id", "1"), ("webhook-timestamp", "x"), ("webhook-signature", "v1,bm9uc2Vuc2U=")];
    assert_eq!(app.post(&signed, EPIC).await.status, 401);
    let both = [&signed[..], &[("X-Gitlab-Token", TOKEN)]].concat();
    assert_eq!(app.post(&both, EPIC).await.status, 200, "GitLab sends both while people migrate");
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_deliveries_are_signed_a_bare_token_is_refused() {
    let signing = signer::token(&[7; 32]);
    let app = App::with(&[(SECRET_TOKENS, TOKEN), (SIGNING_TOKENS, &signing)]).await;
    assert_eq!(app.deliver(EPIC).await.status, 401);
    app.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_migration_a_bare_token_is_enough_and_a_wrong_signature_is_not() {
    let signing = signer::token(&[7; 32]);
    let settings =
        [(SECRET_TOKENS, TOKEN), (SIGNING_TOKENS, signing.as_str()), ("WEBHOOK__ALLOW_PLAIN_TOKEN", "true")];
    let app = App::with(&settings).await;
    assert_eq!(app.post(&[("X-Gitlab-Token", "guessed")], EPIC).await.status, 401);
    let wrongly_signed = [
        ("X-Gitlab-Token", TOKEN),
        ("webhook-id", "1"),
        ("webhook-timestamp", "1700000000"),
        ("webhook-signature", "v1,bm9uc2Vuc2U="),
    ];
    assert_eq!(app.post(&wrongly_signed, EPIC).await.status, 401);
    app.still_well().await;
}
