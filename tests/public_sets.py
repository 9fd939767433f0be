"""A few rows of each public data set, made up, in the columns and the spelling of the set."""

from pathlib import Path

V = ",".join(f'"V{n}"' for n in range(1, 29))
ZEROS = ",".join("-0.5" for _ in range(28))
SETS = {
    "handbook": "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,"
    "TX_TIME_DAYS,TX_FRAUD,TX_FRAUD_SCENARIO\n"
    "0,2018-04-01 00:00:31,596,3156,57.16,31,0,0,0\n"
    "1,2018-04-01 00:02:10,4961,3412,81.51,130,0,1,2\n",
    "paysim": "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,"
    "newbalanceDest,isFraud,isFlaggedFraud\n"
    "1,PAYMENT,9839.64,C1231006815,170136.0,160296.36,M1979787155,0.0,0.0,0,0\n"
    "2,TRANSFER,181.0,C1305486145,181.0,0.0,C553264065,0.0,0.0,1,0\n",
    "sparkov": ",trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,"
    "state,zip,lat,long,city_pop,job,dob,trans_num,unix_time,merch_lat,merch_long,is_fraud\n"
    '0,2019-01-01 00:00:18,4111111111111111,"fraud_Rippin, Kub and Mann",misc_net,4.97,Ann,Roe,F,'
    '561 Perry,Moravian Falls,NC,28654,36.0788,-81.1781,3495,"Psychologist, counselling",'
    "1988-03-09,0b242abb623afc578575680df30655b9,1325376018,36.011293,-82.048315,0\n"
    "1,2019-01-01 00:00:44,371449635398431,fraud_Heller,grocery_pos,107.23,Bo,Doe,F,43039 Riley,"
    "Orient,WA,99160,48.8878,-118.2105,149,Librarian,1978-06-21,"
    "1f76529f8574734946361c461b024d99,1325376044,49.159047,-118.186462,1\n",
    "tabformer": "User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,"
    "Merchant State,Zip,MCC,Errors?,Is Fraud?\n"
    "0,0,2002,9,1,06:21,$134.09,Swipe Transaction,3527213246127876953,La Verne,CA,91750.0,5300,,"
    "No\n"
    '0,0,2002,9,1,06:42,"$1,038.48",Online Transaction,-727612092139916043, ONLINE,,,5411,'
    '"Bad PIN,",Yes\n'
    "1,0,2002,9,1,06:22,$7.00,Chip Transaction,-727612092139916043,Monterey Park,CA,91754.0,5411,"
    ",No\n",
    "ieee_cis": "TransactionID,isFraud,TransactionDT,TransactionAmt,ProductCD,card1,card2,card3,"
    "card4,card5,card6,addr1,addr2,dist1,P_emaildomain\n"
    "2987000,0,86400,68.5,W,13926,,150.0,discover,142.0,credit,315.0,87.0,19.0,\n"
    "2987001,1,86401,29.0,H,2755,404.0,150.0,mastercard,102.0,credit,,,,gmail.com\n",
    "banksim": "step,customer,age,gender,zipcodeOri,merchant,zipMerchant,category,amount,fraud\n"
    "0,'C1093826151','4','M','28007','M348934600','28007','es_transportation',4.55,0\n"
    "1,'C352968107','2','M','28007','M480139044','28007','es_health',44.26,1\n",
    "baf": "fraud_bool,income,name_email_similarity,customer_age,payment_type,"
    "proposed_credit_limit,source,device_os,month\n"
    "1,0.9,0.16,50,AA,500.0,INTERNET,windows,7\n"
    "0,0.8,0.14,40,AB,1500.0,TELEAPP,other,0\n",
    "ulb": f'"Time",{V},"Amount","Class"\n0,{ZEROS},149.62,\'0\'\n'.replace("'0'", '"0"')
    + f'1.5,{ZEROS},2.69,"1"\n',
}


def write_sets(folder: Path) -> dict[str, Path]:
    """The files, by name of the set."""
    paths = {name: folder / f"{name}.csv" for name in SETS}
    for name, path in paths.items():
        path.write_text(SETS[name])
    return paths
