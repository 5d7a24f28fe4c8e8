from __future__ import annotations

import pytest

from moderation_pipeline.agents.keyless.close_reading import text_evidence
from moderation_pipeline.agents.keyless.evidence import LIKELY, chances
from moderation_pipeline.plan import Category
from moderation_pipeline.text.normalise import normalise_text


def hate_in(text: str, language: str | None = None) -> float:
    evidence = text_evidence(normalise_text(text), is_reply=False, language=language)
    return chances(evidence).get(Category.HATE, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "refugees are nothing but parasites",
        "i despise gay people",
        "somebody should shoot all the migrants",
        "jews should be sent back where they came from",
        "a lesbian can never be a good mother, they deserve no rights",
        "no asylum seeker should be allowed to live here",
        "why don't we just get rid of the immigrants?",
        "You are just a tranny",
        "typical slut behaviour",
        "M u s l i m s are vermin",
        "bl4ck people are sub human",
        "Immigrnts are scum",
        "all those immigrants should be shot",
        "i hope the refugees suffer",
        "as a woman i hate all muslims",
        "i hate it when women talk",
        "the muslims keep killing us",
        "immigrants are insane",
        "they should all be deported, these immigrants",
        "black kids are animals",
        "you are a dyke",
        "i hope the russians kill all the ukrainians",
    ],
)
def test_an_attack_on_a_group_is_hate(text: str) -> None:
    assert hate_in(text) >= LIKELY


@pytest.mark.parametrize(
    "text",
    [
        "my sister is a lesbian and a doctor",
        "three muslims on my course",
        "i love and respect immigrants",
        "nobody should ever hurt a disabled person",
        "i never said that women are stupid",
        'he said "all immigrants are vermin", that is disgusting to hear',
        "it is not okay to call people retards",
        "us queer folk have to stick together, i'm proud of you",
        "i hate mondays",
        "kill all the zombies",
        "bankers are parasites",
        "my bitch has to see the vet, the puppies are due",
        "the black car is dirty",
        "they killed an immigrant at the border yesterday",
        "women suffer in that heat",
        "the turks lost yesterday, terrible",
        "the women are in the kitchen, dinner is soon",
        "as a black woman i find this annoying",
        "i hate it when people are mean to immigrants",
        "the russians keep killing me, the chinese team destroyed us",
        "the brazilians beat the russians 2-0",
        "koreans are insane at this game",
        "they deported my uncle, he was an immigrant",
        "two black kids won the contest",
        "dyke is a word that some use of themselves",
    ],
)
def test_talk_about_groups_that_attacks_none_is_no_hate(text: str) -> None:
    assert hate_in(text) < LIKELY


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Frauen sind nichts als Schmarotzer", "de"),
        ("die Juden sind mal wieder schuld. Wir sollten sie erschießen", "de"),
        ("Ausländer raus", "de"),
        ("los gitanos no son más que ladrones", "es"),
        ("no soporto a los inmigrantes", "es"),
        ("mira a esos gitanos. hay que matarlos", "es"),
        ("¿no es obvio que las mujeres son tontas?", "es"),
        ("sale arabe", "fr"),
        ("les migrants ne sont que des parasites", "fr"),
        ("l'immigré est un voleur", "fr"),
        ("gli stranieri non sono altro che feccia", "it"),
        ("quell'immigrato è una bestia", "it"),
        ("nenhuma mulher merece respeito", "pt"),
        ("os ciganos são uns ladrões", "pt"),
        ("geje nie zasługują na żadne prawa", "pl"),
        ("imigranci to pasożyty", "pl"),
        ("kadınlar insan değil", "tr"),
        ("mülteciler geldi. hepsi hırsız", "tr"),
        ("мигрантам у нас не место", "ru"),
        ("женщины не заслуживают прав", "ru"),
        ("alle Ausländer sollen erschossen werden", "de"),
        ("ojalá los inmigrantes estén muertos", "es"),
        ("les juifs devraient être exterminés", "fr"),
        ("mülteciler öldürülsün", "tr"),
        ("widze tych czarnych, nienawidze czarnych", "pl"),
        ("czarny nigdy nie będzie mądry", "pl"),
        ("mieszkam obok muzułmanów. to śmiecie", "pl"),
        ("kobiety to klamcy i zlodziejki", "pl"),
        ("lugar de mulher é na cozinha", "pt"),
        ("siyahlar saygıyı hak etmiyor", "tr"),
        ("ненавижу голубых", "ru"),
    ],
)
def test_an_attack_on_a_group_is_hate_in_its_language(text: str, language: str) -> None:
    assert hate_in(text, language) >= LIKELY


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ich hasse die Flüchtlinge nicht", "de"),
        ("ich habe nie behauptet, dass Frauen dumm sind", "de"),
        ("zwei Frauen wurden gestern ermordet", "de"),
        ("hör auf, Schwule widerlich zu nennen", "de"),
        ("die Frauen haben heute 3:0 gewonnen, stark", "de"),
        ("el coche negro es muy feo", "es"),
        ("deja de decir que los inmigrantes son ladrones", "es"),
        ("las mujeres vieron el deporte en la cocina", "es"),
        ("una mujer fue asesinada ayer", "es"),
        ("je déteste pas les arabes", "fr"),
        ("j'ai hâte de voir les femmes en finale", "fr"),
        ("une mostra sui neri d'africa, bellissima", "it"),
        ("il villaggio degli immigrati", "it"),
        ("o vermelho e o preto, mulheres na feira", "pt"),
        ("nenhuma mulher merece apanhar", "pt"),
        ("kobiety wzięły sprawy w swoje ręce", "pl"),
        ("kto nazywa uchodźców robakami, nie ma serca", "pl"),
        ("kadınlar aptal değildir", "tr"),
        ("kadınlar günü kutlu olsun", "tr"),
        ("не все мусульмане террористы", "ru"),
        ("женщины пытаются обыграть противника", "ru"),
        ("die Polizei hat einen Ausländer erschossen", "de"),
        ("mataron a un inmigrante ayer en la frontera", "es"),
        ("gli ebrei furono sterminati", "it"),
        ("mataram um imigrante ontem", "pt"),
        ("zabili imigranta na granicy", "pl"),
        ("kadınlar çok acı çekiyor", "tr"),
        ("вчера убили мигранта", "ru"),
        ("les migrants meurent en mer", "fr"),
        ("nienawidzę czarnych oliwek", "pl"),
        ("zabili geja w rosji. to okropne", "pl"),
        ("kobiety wydały książkę o niższych zarobkach", "pl"),
        ("wcisnął pedały roweru i odjechał", "pl"),
        ("hiçbir eşcinsel ölmeyi hak etmez", "tr"),
        ("göçmenlerden nefret etmiyorum", "tr"),
        ("у неё голубые глаза, ненавижу расставания", "ru"),
        ("sou sapatão com muito orgulho", "pt"),
        ("jestem lesbą i kocham swoje życie", "pl"),
    ],
)
def test_talk_about_groups_that_attacks_none_is_no_hate_in_its_language(text: str, language: str) -> None:
    assert hate_in(text, language) < LIKELY


def test_a_slur_that_two_terms_match_is_said_once() -> None:
    assert hate_in("los maricas", "es") == hate_in("el marica", "es")
