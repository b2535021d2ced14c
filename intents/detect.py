"""A stranger's post → does its author want to buy, rent or hire something? Signs are weighed; pure.

Meant to be wrong seldom when it says yes: whoever is told of a want that is none stops listening. The weights were set
by hand on the tuning half of tests/intents/posts; the other half measures them.
"""

# ruff: noqa: E501 - In the table of signs a line is as long as its phrases.

import re
from dataclasses import dataclass

from intents.amounts import find_budget
from intents.parse import WANT_TAGS
from intents.phrases import find_hashtags, find_lead_in, is_offer

LEAST = 5  # From this weight on a post is a want.
_READ = 1_000  # Characters; who wants something says so at once.


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a post is a want, by what weight, and the signs that spoke for (+) and against (-) it."""

    is_want: bool
    weight: int
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sign:
    name: str
    weight: int
    pattern: re.Pattern[str]


def _sign(name: str, weight: int, *patterns: str) -> _Sign:
    return _Sign(name, weight, re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE))


_SOMEBODY = r"(?:any(?:one|body)|some(?:one|body)|who(?! (?:wants|comes))|does any(?:one|body)|people)"
_BUYING = (
    r"(?:buy(?:ing)?|purchas(?:e|ing)|hir(?:e|ing)|rent(?:ing)?|order(?:ing)?|book(?:ing)?|get(?:ting)?|find(?:ing)?)"
)
_I_AM = r"(?:i['’]?m|i am|we['’]?re|we are)"

_SIGNS = (
    # --- Seeking
    _sign(
        "seeks", 3,
        r"\b(?:wtb|iso(?= an?\b)|in the market for|on the hunt for|desperately seeking|shopping for)\b",
        rf"\b{_I_AM} (?:still |also |now )?(?:looking (?:to (?:buy|hire|rent)|for (?:an?|some|some(?:one|body)|piano)\b)|"
        r"after (?:an?|some\w*)\b(?! (?:long|hard|bad|good|busy|great))|searching for an?\b|hunting for)",
        r"(?:^|[.!?] )(?:still )?(?:looking (?:to (?:buy|hire|rent)|for (?:an?|some|\w+ lessons)\b)|after an?\b(?! (?:long|hard|bad|busy|great))|"
        r"trying to find an?\b)",
        r"(?:^|[.!?] )(?:wanted|want) ?:",
        r"\b(?:i|we)(?:['’]d| would)? (?:really )?(?:want|need|like|love|could (?:really )?do with)(?: to)? (?:buy|hire|rent|order)\b",
        r"\bready to (?:buy|order)\b|\bthinking of (?:getting|buying|hiring)\b|\bbuying my first\b|\btime to replace my\b",
        r"\bhappily (?:buy|pay)\b|\bwould like a quote\b|\brequest for quotes?\b|\b(?:after|need|get) (?:three )?quotes\b",
        r"\bcould (?:really )?do with an? \w+sitter\b|\bto rent an?\b",
        # German
        r"(?:^|[.!?] )(?:ich |wir )?suchen? (?!nach |gerade |verstärkung|meine? )(?!.{0,60}\(m/w)",
        r"\b(?:wir|ich) suche?n? (?:einen?|eine[mnr]?|gebraucht\w*)\b",
        r"(?:^|[.!?] )gesucht ?:|\b\w+ gesucht ?[!,:]|\bauf der suche nach einem\b(?!.*\bbei uns\b)",
        r"\b(?:möchte|würde|will|wollen)\b(?! nicht).{0,50}\b(?:kaufen|mieten|buchen)\b|\bkaufe (?:sie |alte|gern|dir)",
        r"\b(?:ich |wir )?(?:brauche[n]?|bräuchte[n]?) (?:dringend |mal )?(?:einen?|ein|neue|angebot)",
        # French
        r"(?:^|[.!?] )(?:je |on |nous )?(?:re)?cherch(?:e|ons) (?:une?|des|deux|appart|voiture|vélo)\b",
        r"\b(?:aimerais|voudrais|souhaite|veux) (?:acheter|louer|faire (?:isoler|refaire|réparer|installer))\b",
        r"\bà la recherche d(?:['’]une?|e)\b|(?:^|[.!?] )achète\b|\bil (?:me|nous) fau(?:t|drait)\b",
        # Spanish
        r"(?:^|[.!?] )(?:se )?busc(?:o|amos|a) (?!a mi|las palabras|.{0,40}\bcv\b|programador)",
        r"\b(?:estoy|ando|estamos) buscando\b|(?:^|[.!?] )compro\b",
        r"\b(?:quiero|quisiera|queremos|me gustaría) (?:comprar|alquilar|contratar|encontrar)\b",
    ),
    _sign(
        "needs", 2,
        r"\b(?:i|we|our .{0,40}?) (?:urgently )?needs? (?:an?|some(?:one|body)|new|\d+)\b",
        r"(?:^|[.!?,] )(?:need|needs) (?:an?|some(?:one|body)|recommendations|\d+|\w+ (?:for|in|near)\b|accountant)",
        r"\bnecesit(?:o|amos) (?:una?|presupuesto|alguien que (?:arregle|repare|venga))\b|\blo necesito\b",
        r"\bbesoin d['’](?:une?)\b|\bbrauche neue\b|\bi['’]m switching\b",
        r"\bto switch\b|\bneed it done by\b|\bneed to register\b",
    ),
    _sign(
        "asks who sells or does it", 3,
        rf"\b{_SOMEBODY}\b.{{0,20}}\b(?:selling|sells?|got an?y? spare|has an?y? spare|for sale)\b(?!.*\btempted\b)",
        rf"\b(?:can|could) {_SOMEBODY} (?:lend or )?(?:sell|recommend|suggest) ",
        rf"\b{_SOMEBODY} (?:can|could) (?:recommend|fix|repair)\b",
        r"\b(?:please )?recommend an?\b(?! good book)|\brecommendations? for an?\b|\bany recommendations\b",
        r"\bwho (?:can|does|sells|would you (?:use|recommend))\b|\bwhich .{0,30} would you (?:go for|use|choose|get)\b",
        r"\bwhere (?:can|could|do|should) (?:i|we|you|people) (?:buy|get|find|rent|hire|order)\b|\bwhere['’]s cheapest\b",
        rf"\b(?:does|do|did) {_SOMEBODY} (?:make|sell|know (?:a|of a|where)|of you make)\b.{{0,40}}",
        r"\bdo any of you (?:make|sell)\b|\bwho would you use\b|\bbest place to (?:get|buy)\b",
        r"\b(?:which|what) should i (?:buy|get)\b|\bwhat would you get\b|\bany (?:takers|dealers)\b",
        r"\bsend them my way\b|\btell me some(?:one|body)\b.{0,40}\brepairs?\b|\bif you know an?\b.{0,80}\bplease\b",
        # German
        r"\b(?:kann|könnt) (?:mir jemand|jemand|ihr)\b.{0,60}\bempfehlen\b(?!.*(?:podcast|buch|bücher|film))",
        r"\bempfehlungen für einen?\b|\bwer (?:verkauft|repariert|macht|hat eine? abzugeben)\b|\bhat jemand (?:was|ein|eine[n]?) "
        r".{0,50}(?:übrig|zu verkaufen|abzugeben)\b",
        r"\bwo (?:bekomme|kriege|kaufe|finde) ich\b|\bkennt jemand einen?\b|\bwas soll ich kaufen\b|\bwelcher? händler\b",
        r"\bhat jemand was\b|\bwer hat eine abzugeben\b|\bkönnt ihr empfehlen\b",
        # French
        r"\bquelqu['’]un (?:connaît|connait|vend|peut me recommander)\b|\bqui (?:vend|répare|connaît)\b|\boù acheter\b",
        r"\bvous (?:connaissez|avez) (?:un|une) (?:bon|bonne|adresse)\b|\bquel(?:le)? .{0,40}\bacheter\b|"
        r"\bdes conseils\b|\bquelles? entreprises?\b",
        # Spanish
        r"¿ ?alguien (?:conoce|vende|me recomienda)\b|¿ ?(?:dónde|donde) (?:puedo )?(?:comprar|compro|encontrar|alquilar)\b",
        r"¿ ?(?:qui[eé]n )?me recom(?:ienda|end[aá]is)\b|¿ ?qu[eé] me recom|\bcuál compro\b|\bqué compro\b",
    ),
    _sign(
        "would pay", 2,
        r"\b(?:will|would|can|happy to|['’]ll|['’]d) pay\b|\bpaying well\b|\bpay (?:good money|face value|up to)\b|\bmy budget\b",
        r"\bzahle\b|\bpago bien\b|\bje paie\b|\bcash\. location\b|\bdm me your rates\b|\bquotes please\b|\bdevis bienvenus\b",
        r"\bacepto presupuestos\b|\bbrauche angebote\b|\bcan collect\b",
    ),
    _sign(
        "may seek", 2,
        r"(?:^|[.!?,:] |\b(?:i|we|i['’]m|we['’]re|i am|we are) )(?:am |are |really |now |still |just |also )?"
        r"(?:looking for|looking to|searching for|hunting|seeking|hoping to|trying to (?:find|get|buy)|after|in need of|"
        r"need(?:ing)?|require|want(?:ed|ing)?(?! to be)|would like|going to get|fancy) (?!my\b|it\b|to get up\b|you\b|people\b|inspiration\b)",
        r"\b(?:recommend|point|find|sell|show) me (?:to )?(?:an?|some\w*)\b|\bneeds? (?:replacing|fixing|repairing|doing)\b|"
        r"\btime for (?:an?|some) new\b|\bgave up\b",
        r"\b(?:suchen?|suchten|gesucht|brauche[n]?|bräuchte[n]?|zulegen|anschaffen|nehme .{0,40} ab)\b(?!.{0,12}\bnoch nach\b)",
        r"\b(?:cherch\w+|recherch(?:e|ons)|besoin d(?:['’]|e )|il (?:me|nous) fau|veux acheter)",
        r"\b(?:busc(?:o|amos|ando)|se busca|necesit(?:o|amos)|quiero comprar\w*|me hace falta|nos hace falta)\b",
    ),
    _sign(
        "may ask who does or sells it", 2,
        r"\b(?:does|do|can|could|has|have|is|know) (?:any(?:one|body)|some(?:one|body)|any of you|you)\b(?=.*\?)(?!.*\b(?:want|watching|happened|know if|tell me what)\b)",
        r"\bany(?:one|body) (?:got|have|know|in|near|who|recommend|letting|selling|with|able)\b|"
        r"\bwho (?:should|would|could|can|does|do|sells|fits|repairs|makes|has used)\b(?=.*\?)",
        r"\bwhere (?:would|do|can|could|should) (?:i|we|you|one)\b(?=.*\?)|\b(?:names|tips|suggestions|ideas|leads|recommendations)\b ?[?!]|"
        r"\bquotes welcome\b|\bwhat did you (?:all )?buy\b",
        r"\b(?:kennt|wisst) ihr\b|\b(?:wer|wo) (?:kann|könnte|kann man|weiß|verkauft|macht|fliest|repariert|hat)\b(?=.*\?)|\btipps ?\?|"
        r"\bwelche[rs]? .{0,40}\b(?:taugt|ist gut|empfehl\w+|nehmen)\b|\bhat (?:jemand|wer)\b(?=.*\b(?:abzugeben|übrig|verkauf\w*)\b)",
        r"\b(?:connaissez|auriez|avez)-vous\b|\bqui (?:saurait|pourrait|peut|sait|fait|vend)\b(?=.*\?)|\boù (?:est-ce|puis|peut|on|trouver|acheter)|"
        r"\bvous (?:me )?(?:conseillez|recommandez|connaissez)\b|\bune bonne adresse\b",
        r"¿ ?(?:conoc[eé]is|conoces|alguien (?:tiene|conoce|sabe de|vende|alquila)|qui[eé]n (?:puede|hace|arregla|vende)|d[oó]nde)\b|"
        r"\baconsej\w+\b|\brecomend[aá]is\b|¿ ?sab[eé]is de\b",
    ),
    _sign(
        "may seek, in other words", 2,
        r"\b(?:planning|plan|want|wants|looking|hoping|going|would (?:love|like)|['’]d (?:love|like)|trying|ready|time) to "
        r"(?:get|buy|hire|rent|find|book|source|order|commission|replace|lease|borrow)\b",
        r"\binterested in (?:buying|hiring|renting|getting|a)\b|(?:^|[.!?] )(?:seeking|wanted|want|needed|required|iso|wtb)\b ?[:!–—-]|"
        r"\b(?:on the lookout for|keen to (?:buy|get|find)|could use an?|in search of an?|would kill for an?)\b|"
        r"\bneed (?:my|our|the) .{0,30}(?:out|fixed|repaired|done|cleaned|replaced|cut)\b|\b(?:has|have) (?:finally )?died\b|\bhas had it\b",
        r"\b(?:hätten?|würden?|wollen|will|möchten?|planen|plane) (?:wir |ich )?(?:gern|gerne|uns|mir|ein|eine[nr]?)\b|\bbraucht (?:einen?|ein|neue)\b|"
        r"\bhat ausgedient\b|\bist (?:kaputt|hinüber)\b|\bwill .{0,40} (?:kaufen|mieten|leihen|haben)\b|\bhalte ausschau\b",
        r"\b(?:voudr|souhait|aimer)(?:ais|ait|ions|ons) (?:acheter|louer|trouver|réserver|faire)\b|\bpreneu(?:r|se) d['’]|\ben quête d['’]une?\b|"
        r"\bje prends\b|\ba rendu l['’]âme\b|\best (?:morte?|cassée?|en panne)\b|\bj['’]achète\b",
        r"\b(?:queremos|quisi[eé]ra(?:mos)?|quiero|nos gustaría|me gustaría|pienso|pensamos) (?:comprar|alquilar|encontrar|reservar|contratar)\w*\b|"
        r"\bse me ha (?:roto|muerto|estropeado)\b|\bme interesa(?:ría)? comprar\b",
    ),
    _sign(
        "may ask, in other words", 2,
        r"\bany(?:one|body)\b.{0,40}\b(?:flogging|parting with|getting rid|have (?:some|one|an?)|got an?|know of|used an?|to recommend)\b|"
        r"\bany (?:good|decent|reliable|\w+ ?(?:shops?|places?|breeders?|dealers?|firms?|companies|recs))\b.*\?",
        r"\b(?:suggestions?|recommendations?|tips?|recs|advice) (?:for|on|please|welcome)\b|\bwho (?:is|['’]s) (?:the best|good|your)\b|"
        r"\bwhat['’]?s (?:a|the best) .*\?|\bwhere do you (?:all )?(?:go|buy|get)\b|\b(?:in|near) [\w ]{2,25} any(?:one|body)\?|\bnames please\b",
        r"\b(?:nennen|empfehlen|weiterempfehlen)\b.*\?|\btipps? für\b|\bhabt ihr\b.*\b(?:tipp|empfehlung|adresse)|"
        r"\b(?:wer|wo) (?:baut|leiht|macht|kauft|bietet|verlegt|repariert|mietet)\b.*\?|\bwer hat (?:eins|eine[nr]?)\b|\bwas darf .*kosten\b|\beure[rn]? empfehlung",
        r"\bà me (?:conseiller|recommander|proposer)\b|\bquelqu['’]un (?:vendrait|aurait|loue|saurait)\b|\b(?:vos|des) (?:conseils|adresses|recommandations)\b|"
        r"\bvous auriez\b|\bqui (?:connaît|connait|aurait)\b",
        r"\bpod[eé]is recom\w+|\balguna? (?:recomendación|idea|tienda|sitio)\b|\balguien (?:que|me)\b|\bqu[eé] (?:tienda|marca|modelo)\b|\bd[oó]nde (?:compr|alquil|encontr)",
    ),
    # --- Not seeking
    _sign(
        "offers", -5,
        r"\bfor sale\b(?!.*\?)|(?<!anyone )(?<!who is )(?<!someone )\bselling my\b|\bgiv(?:e|ing) away\b|\bfree to a good home\b|"
        r"\b(?:is|are) available\b",
        r"\b(?:call|contact|join|follow|visit) us\b|\bbook(?:ing)? (?:now|today|weddings)\b|\bshop now\b|\bour (?:shop|store)\b",
        r"\b\d+ ?% (?:off|rabatt)|\brabatt\b|\bup to \d+ ?%|\bbuy one get one\b|\bfree (?:delivery|guide)\b|\bdeals?\b",
        r"\bpackages from\b|\bwe (?:build|offer|sell|provide)\b|\brent an? .{0,30}from us\b|\bdownload\b",
        r"\bfrom £\d|\bdès \d|\bà partir de \d|\bdesde \d|\bab \d+ ?€",
        r"(?:^|[.!?] )(?:verkaufe|vermiete|zu verschenken|biete|wir bieten)\b|\bbei uns\b|\bmelde? dich bei uns\b",
        r"(?:^|[.!?] )(?:vends|donne|on loue)\b|^(?!.*cherch).*\bà louer\b|\bsoldes\b|\bmoins \d+ ?%|"
        r"\bréservez\b|\bnous créons\b",
        r"(?:^|[.!?] )(?:vendo|regalo|alquilo)\b|\bnuestr[ao] (?:tienda|clínica)\b|\bescríbenos\b|\bmitad de precio\b",
        r"\bwants? my old\b|\b(?:does|would) any(?:one|body) want\b|\bmy flatmate\b|\bwants to sell\b",
    ),
    _sign(
        "asks the reader", -5,
        r"(?:^|[.!?] )(?:looking for|need|searching for|looking to|want)\b[^.?!]{0,60}\?(?! (?:i|my|we)\b)",
        r"(?:^|[.!?:] )(?:brauchst|suchst|auf der suche nach dem)\b[^.?!]{0,60}\?|\bvous cherchez\b|¿ ?(?:buscas|necesitas)\b",
        r"(?:^|[.!?] )besoin d['’]un[^.?!]{0,40}\? nous\b|\bif any(?:one|body) is looking\b|\byour business\b|\bnew clients\b",
        r"\bwho wants\b|¿ ?alguien quiere\b|\bhat jemand lust\b|\bwer kommt\b",
    ),
    _sign(
        "it is done", -4,
        r"\b(?:just|finally|already) (?:bought|found|got|finished)\b|\b(?:i|we) (?:bought|found|hired)\b|(?:^|[.!?] )(?:found|got my|bought)\b",
        r"\bwas looking for\b|\btook me\b|\bstopped looking\b|\bthanks all\b|\bended today\b|\bwould recommend this\b",
        r"\b(?:endlich|schon) .{0,40}gefunden\b|\bgesucht und gefunden\b|\bist da\b|\bbeim \w+ gewesen\b",
        r"\b(?:enfin )?trouvé\b|\best réparée?\b|\bpor fin\b|\bencontré\b|\bme compré\b|\bwe hired\b",
    ),
    _sign(
        "a job, news or a text", -8,
        r"\bhiring!|\bwe['’]re hiring\b|\bapply by\b|\bsenior \w+ developer\b|\bvolunteers\b|^job\b|\bwe need a chef\b|"
        r"\bgood pay\b|\bfull time\b|\blooking for people\b|\bour (?:choir|team|band)\b",
        r"\bsuchen dich\b|\b(?:in )?(?:voll|teil)zeit\b|\bbénévoles?\b|\bvoluntari[oa]s?\b|\bfreiwillige\b",
        r"\bverstärkung\b|\(m/w/d\)|\brecrut\w*|\bcdi\b|\bcv\b|\bprogramador\b|\bdéveloppeur\b|\bsoftwareentwickler",
        r"\bblog post\b|\bneuer artikel\b|\bnouveau billet\b|\bnueva entrada\b|\bthread\b|\breview of\b|\bsurvey\b|\bquote of the day\b",
        r"\b(?:market|markt|marché|prix|prices?) (?:for|für|des|of)\b.{0,50}\b(?:fell|rose|baisse|bricht|monte)",
        r"(?:^|[.!?] )(?:lost|perdu|perdido)\b|\bse perdió\b|\bfigures say\b|\breports of\b",
    ),
    _sign(
        "not for money", -6,
        r"\b(?:need|want|quiero|necesito|veux|besoin de|brauche|will)\b.{0,14}\b(?:coffee|café|kaffee|a? ?holidays?|vacances|vacaciones|"
        r"urlaub|a nap|sleep|dormir|schlafen|to go home|to hear|to stop|to know|help|wissen|mundo)\b",
        r"\blooking forward\b|\b(?:looking|searching) (?:for (?:my|meaning)|at)\b|\bmeine brille\b|\bmes mots\b|"
        r"\bsinn des lebens\b|\bsuche (?:ich )?(?:noch )?nach\b|\bausrede\b|\bà comprendre\b|\bsigo buscando\b|\blas palabras\b|\ba mi perro\b",
        r"\bi don['’]t want\b|\bmy government\b|\ba government\b|\bhours in the day\b|\blost time\b|\bi wish i\b|\bwish i could\b",
        r"\b(?:explain|explique|erklären|expliquer)\b|\bhow do i\b|\bdo i get\b.{0,30}\bout of\b|"
        r"\bknow (?:what time|why|the name|how)\b|\bwhat time\b|\bweiß jemand\b|\ba qué hora\b|\bremember\b",
        r"\bproperly\b|\bto thank\b|\bsay thank\b|\bfilm\b|\btatort\b|\bre[ií]rme\b|\btried the\b|\bwitnesses\b|\bpetition\b|\bjournées de\b|\bis the camera\b|\bauthor of\b|\bsomeone to talk\b|\btalk to about\b|\bmotivaci|\bla sortie\b|\bnothing beats\b|\bwe have a cancellation\b|\btor für\b|\bwhat people want\b|\bto see the\b|\bone day\b|\bdead or alive\b|\bremind me\b|\bgood book\b|\bpodcasts?\b",
        r"\belse['’]?s?\b.{0,25}\?|\bis it me\b|\babsurdly\b|\bout of control\b|\bshe wants\b|\bhe wants\b|\bi need a holiday\b",
    ),
)  # fmt: skip
_TAGGED = 3
_LED = 1
_PRICED = 2
_PLACED = 1
_THING = 2
_NO_THING = -1  # What nobody sells is seldom what is wanted.
_PLACE = re.compile(
    r"(?:\b(?:in|near|around|from|to|covers?|at|bei|um|raum|nach|von|à|sur|près de|région|en|cerca de|para)|,) (?:the )?[A-ZÄÖÜÉ]\w{2,}"
)


def detect(text: str, *, title: str = "", tags: tuple[str, ...] = (), names_thing: bool = False) -> Verdict:
    """Weigh the signs in a post of any language; those that we know speak English, German, French and Spanish.

    `names_thing`: the post surely names something of the category tree.
    """
    said = f"{title}. {text}" if title else text
    said = " ".join(said[:_READ].split())
    weight, signs = 0, []
    for sign in _SIGNS:
        if sign.pattern.search(said):
            weight += sign.weight
            signs.append(f"{'+' if sign.weight > 0 else '-'} {sign.name}")
    tagged = {
        re.sub(r"[\s_#-]", "", tag).casefold() for tag in (*tags, *(found.value for found in find_hashtags(said)))
    }
    lead_in = find_lead_in(said)
    if tagged & WANT_TAGS:
        weight += _TAGGED
        signs.append("+ tagged")
    if lead_in is not None:
        weight += _LED
        signs.append("+ begins like a want")
    if weight > 0 and find_budget(said) is not None:
        weight += _PRICED
        signs.append("+ names a price")
    if weight > 0 and _PLACE.search(said):
        weight += _PLACED
        signs.append("+ names a place")
    if weight > 0:
        weight += _THING if names_thing else _NO_THING
        signs.append("+ names a thing" if names_thing else "- names no thing")
    if is_offer(said):
        weight -= 5
        signs.append("- begins like an offer")
    return Verdict(weight >= LEAST, weight, tuple(signs))
