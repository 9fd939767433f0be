"""How files name the columns of transactions."""

# Words in the names of columns, the most telling first.
NAMES = {
    "label": "isfraud fraud label fraudulent chargeback class target isfrauds fraudbool "
    "betrug fraude frode",
    "at": "timestamp datetime transactiontime transactiondate time date transdatetranstime "
    "createdat created when ts purchased purchasedate txdatetime at step transactiondt datum zeit "
    "fecha hora data dt",
    "amount": "amount amt value total price sum eur usd gbp betrag montant importe monto "
    "valor valeur umsatz "
    "transactionamt txamount",
    "lat": "lat latitude merchlat",
    "lon": "lon long lng longitude merchlong",
    "customer": "customer customerid client clientid user userid cardholder account accountid "
    "ccnum card cardid cardnumber pan iban nameorig buyer payer who "
    "member kunde kundennummer konto cliente klient compte cuenta",
    "merchant": "merchant merchantid merchantname shop store terminal terminalid vendor payee "
    "seller namedest receiver beneficiary shopid pos "
    "haendler hndler tienda comercio commerce marchand negozio",
    "id": "id transactionid txid transid transnum tx reference ref uuid paymentid orderid",
    "currency": "currency ccy curr currencycode",
    "category": "category mcc merchantcategory type productcd",
    "channel": "channel entrymode usechip source posentrymode",
    "country": "country countrycode merchantcountry nation",
    "device": "device deviceid deviceinfo fingerprint",
    "ip": "ip ipaddress ipaddr clientip",
}
